BEGIN TRANSACTION;
CREATE TABLE "AppliedEvent" (
	event_id VARCHAR(32) NOT NULL, 
	applied DATETIME NOT NULL, 
	CONSTRAINT "pk_AppliedEvent" PRIMARY KEY (event_id)
);
CREATE TABLE "Comment" (
	id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	data_text TEXT NOT NULL, 
	images JSON NOT NULL, 
	rating SMALLINT NOT NULL, 
	status VARCHAR(8) NOT NULL, 
	verified_purchase BOOLEAN DEFAULT 0 NOT NULL, 
	reply_text TEXT, 
	reply_staff_id INTEGER, 
	reply_time DATETIME, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT "pk_Comment" PRIMARY KEY (id), 
	CONSTRAINT "ck_Comment_status" CHECK (status IN ('pending', 'approved', 'hidden')), 
	CONSTRAINT "ck_Comment_rating" CHECK (rating BETWEEN 1 AND 5), 
	CONSTRAINT "fk_Comment_product_id" FOREIGN KEY(product_id) REFERENCES "Product" (id), 
	CONSTRAINT "uq_Comment_product_id_user_id" UNIQUE (product_id, user_id)
);
CREATE TABLE "IdempotencyKey" (
	principal VARCHAR(64) NOT NULL, 
	route VARCHAR(128) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	body_hash BLOB NOT NULL, 
	status INTEGER NOT NULL, 
	answer BLOB NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT "pk_IdempotencyKey" PRIMARY KEY (principal, route, "key")
);
CREATE TABLE "Meta" (
	"key" VARCHAR(32) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	CONSTRAINT "pk_Meta" PRIMARY KEY ("key")
);
INSERT INTO "Meta" VALUES('catalogue','163608002567');
CREATE TABLE "Outbox" (
	position INTEGER NOT NULL, 
	event_id VARCHAR(32) NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	payload JSON NOT NULL, 
	created DATETIME NOT NULL, 
	done_at DATETIME, 
	CONSTRAINT "pk_Outbox" PRIMARY KEY (position), 
	CONSTRAINT "uq_Outbox_event_id" UNIQUE (event_id)
);
CREATE TABLE "Product" (
	id INTEGER NOT NULL, 
	article INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	status VARCHAR(9) NOT NULL, 
	category_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	price_minor INTEGER NOT NULL, 
	discount_bp SMALLINT NOT NULL, 
	effective_minor INTEGER NOT NULL, 
	valid_until DATETIME, 
	promotion JSON, 
	tags JSON NOT NULL, 
	specifications JSON NOT NULL, 
	country_origin VARCHAR(80) NOT NULL, 
	description TEXT NOT NULL, 
	images JSON NOT NULL, 
	sold INTEGER NOT NULL, 
	remains INTEGER NOT NULL, 
	r1 INTEGER NOT NULL, 
	r2 INTEGER NOT NULL, 
	r3 INTEGER NOT NULL, 
	r4 INTEGER NOT NULL, 
	r5 INTEGER NOT NULL, 
	family INTEGER, 
	creation_manager_uuid VARCHAR(36), 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	version INTEGER NOT NULL, 
	rev INTEGER NOT NULL, 
	CONSTRAINT "pk_Product" PRIMARY KEY (id), 
	CONSTRAINT "ck_Product_status" CHECK (status IN ('draft', 'review', 'published', 'archived')), 
	CONSTRAINT "ck_Product_article" CHECK (article > 0), 
	CONSTRAINT "ck_Product_discount_bp" CHECK (discount_bp BETWEEN 0 AND 10000), 
	CONSTRAINT "ck_Product_effective_minor" CHECK (effective_minor BETWEEN 0 AND price_minor), 
	CONSTRAINT "ck_Product_price_minor" CHECK (price_minor BETWEEN 0 AND 1000000000000), 
	CONSTRAINT "ck_Product_ratings" CHECK (r1 >= 0 AND r2 >= 0 AND r3 >= 0 AND r4 >= 0 AND r5 >= 0), 
	CONSTRAINT "ck_Product_remains" CHECK (remains >= 0), 
	CONSTRAINT "ck_Product_sold" CHECK (sold >= 0), 
	CONSTRAINT "fk_Product_category_id_group_id" FOREIGN KEY(category_id, group_id) REFERENCES "ProductCategory" (id, group_id) ON UPDATE CASCADE, 
	CONSTRAINT "uq_Product_article" UNIQUE (article)
);
INSERT INTO "Product" VALUES(1,613911,'Кроссовки нескользящие «Сиверко»','published',9,3,764990,0,764990,NULL,NULL,'["межсезонье","нескользящие"]','{"brand":"Сиверко","colors":["голубой"],"materials":["текстиль"],"sizes":["37","38","39","40","41","42","43"]}','Россия','Рельефная подошва держит и на льду, и на мокрой плитке. Пятка не сминается, даже если обуваться без ложки. Материал: текстиль. Обменяем, если не подойдёт размер.','["0cb63379106246ee06ee05bf033bcb8b.svg"]',0,7,0,0,0,0,0,NULL,NULL,'2026-05-05 03:50:24.793000','2026-05-05 03:50:24.793000',1,1);
INSERT INTO "Product" VALUES(2,228480,'Шапка мягкая «Суховей»','published',3,1,149990,500,142491,NULL,NULL,'["в горы","зимняя прогулка","мягкая"]','{"brand":"Суховей","colors":["песочный","голубой"],"materials":["акрил"],"sizes":["единый"]}','Россия','Внутри нет грубых швов: ничего не натирает и не колется. Двойной отворот закрывает уши. Материал: акрил.','["fa759006e280ef72cb7d5ad16b0bc2aa.svg","a23ff5449016bc851d6e0b1f5f1e1605.svg"]',126,8,2,0,0,3,13,NULL,NULL,'2026-05-08 02:31:24.793000','2026-05-08 02:31:24.793000',1,1);
INSERT INTO "Product" VALUES(3,871186,'Панама весёлая «Звонкий ручей»','published',6,2,131990,0,131990,NULL,NULL,'["в жару","на дачу","весёлая"]','{"brand":"Звонкий ручей","colors":["коричневый"],"materials":["хлопок"],"sizes":["54–56","56–58","58–60"]}','Россия','Мелкий горошек нравится и детям, и взрослым. Поля держат форму, сверху есть отверстия для воздуха. Материал: хлопок. Цвет на картинке и в жизни один и тот же.','["03ef58e37ccd6a0e2eb76234db8473c6.svg"]',91,23,2,1,0,0,10,NULL,NULL,'2026-07-12 10:50:24.793000','2026-07-12 10:50:24.793000',1,1);
INSERT INTO "Product" VALUES(4,614232,'Ботинки нескользящие «Pelligo»','published',2,1,798990,500,759041,NULL,NULL,'["на мороз","в горы","нескользящие"]','{"brand":"Pelligo","colors":["синий","серый"],"materials":["кожа"],"sizes":["36","37","38","39","40","41","42"]}','Узбекистан','Рельефная подошва держит и на льду, и на мокрой плитке. Металлические крючки не ржавеют, язычок пришит до верха. Материал: кожа. Достаточно протереть влажной тканью.','["0edf9eaeb7857a4a0c170f4277edaed9.svg","3b136d6aa37e7060d38b638bc47845f3.svg"]',0,0,0,0,0,0,0,NULL,NULL,'2026-07-22 01:05:24.793000','2026-07-22 01:05:24.793000',1,1);
INSERT INTO "Product" VALUES(5,356636,'Зонт ветрозащитный «Перелеска»','published',12,4,127990,2000,102392,NULL,NULL,'["в поездку","на выходные","ветрозащитный"]','{"brand":"Перелеска","colors":["бирюзовый"],"materials":["полиэстер"],"sizes":["единый"]}','Беларусь','Плотную ткань не продувает даже на набережной. Спицы гнутся, но не ломаются, а чехол не теряется: он пристёгнут. Материал: полиэстер.','["b8a970caf5c543ead8318dfc2a9c8fdb.svg"]',0,67,0,0,0,0,0,NULL,NULL,'2026-07-30 07:10:24.793000','2026-07-30 07:10:24.793000',1,1);
INSERT INTO "Product" VALUES(6,999663,'Свитер мягкий «Tundrek»','published',8,3,670990,4000,402594,NULL,NULL,'["межсезонье","мягкий"]','{"brand":"Tundrek","colors":["синий","оливковый"],"materials":["шерсть"],"sizes":["S","M","L","XL","XXL"]}','Россия','Внутри нет грубых швов: ничего не натирает и не колется. Рисунок вывязан, а не напечатан. Материал: шерсть. Цвет на картинке и в жизни один и тот же.','["3577de5638d4d85335246f8431d03d46.svg","cb8e950e3c8695910b5d52a2b65e1667.svg"]',0,43,0,0,0,0,0,NULL,NULL,'2026-08-26 16:17:24.793000','2026-08-26 16:17:24.793000',1,1);
INSERT INTO "Product" VALUES(7,742388,'Палатка прочная «Lumisol»','published',11,4,802990,2000,642392,NULL,NULL,'["в поездку","в поход","прочная"]','{"brand":"Lumisol","colors":["песочный"],"materials":["нейлон"],"sizes":["2 места","3 места","4 места"]}','Россия','Выдерживает больше, чем обещает инструкция. Ставится за пять минут даже в одиночку. Материал: нейлон.','["11e114cefca886ad42dddab3deb6fb75.svg"]',0,22,0,0,0,0,0,NULL,NULL,'2026-08-28 11:37:24.793000','2026-08-28 11:37:24.793000',1,1);
INSERT INTO "Product" VALUES(8,485434,'Плащ приталенный «Sandorel»','published',7,3,930990,4000,558594,NULL,NULL,'["в дождь","для города","подарок","приталенный"]','{"brand":"Sandorel","colors":["горчичный"],"materials":["полиэстер"],"sizes":["XS","S","M","L","XL"]}','Россия','Крой мягко подчёркивает талию. Пояс можно завязать узлом, погоны отстёгиваются. Материал: полиэстер.','["3ced9ce3aa4fa2c8566cb53178c4bdb6.svg"]',0,12,0,0,0,0,0,NULL,NULL,'2026-09-14 11:52:24.793000','2026-09-14 11:52:24.793000',1,1);
INSERT INTO "Product" VALUES(9,100003,'Куртка спортивная «Pelligo»','published',1,1,987990,4000,592794,NULL,NULL,'["в горы","на мороз","подарок","спортивная"]','{"brand":"Pelligo","colors":["оливковый"],"materials":["нейлон"],"sizes":["XS","S","M","L","XL","XXL"]}','Россия','Не мешает двигаться ни на пробежке, ни в зале. Капюшон убирается в воротник, манжеты прячут запястья от снега. Материал: нейлон. Стирать при 30 градусах, сушить в тени.','["184bab349e0275fefa468e8dbeafdb20.svg"]',0,36,0,0,0,0,0,NULL,NULL,'2026-09-20 22:38:24.793000','2026-09-20 22:38:24.793000',1,1);
INSERT INTO "Product" VALUES(10,742709,'Платье хлопковое «Сиверко»','published',4,2,445990,1000,401391,NULL,NULL,'["в жару","на дачу","хлопковое"]','{"brand":"Сиверко","colors":["голубой"],"materials":["хлопок"],"sizes":["XS","S","M","L","XL"]}','Россия','Хлопок пропускает воздух и легко стирается. Рукав прикрывает плечи, юбка не задирается на ветру. Материал: хлопок. Стирать при 30 градусах, сушить в тени.','["6f04a217956bd779e7673c60fbcb6838.svg"]',0,39,0,0,0,0,0,NULL,NULL,'2026-10-03 17:20:24.793000','2026-10-03 17:20:24.793000',1,1);
INSERT INTO "Product" VALUES(11,228159,'Рюкзак складной «Velmora»','published',10,4,630990,0,630990,NULL,NULL,'["на выходные","складной"]','{"brand":"Velmora","colors":["бирюзовый"],"materials":["хлопок"],"sizes":["18 л","25 л","35 л","50 л"]}','Россия','В сложенном виде помещается в боковой карман рюкзака. Отделение для ноутбука, спинка не потеет. Материал: хлопок.','["dd04a99dbb7030a29747453bcf2dc8eb.svg"]',0,0,0,0,0,0,0,NULL,NULL,'2026-10-21 09:09:24.793000','2026-10-21 09:09:24.793000',1,1);
INSERT INTO "Product" VALUES(12,356957,'Сандалии повседневные «Сиверко»','published',5,2,272990,1500,232042,NULL,NULL,'["к морю","на дачу","подарок","повседневные"]','{"brand":"Сиверко","colors":["бордовый"],"materials":["текстиль"],"sizes":["38","39","40","41","42","43","44"]}','Китай','Подходят на каждый день и ни к чему не обязывают. Ремешки на липучке легко подогнать по ноге. Материал: текстиль.','["7cbd257d32caba782c9a65663d98e7ef.svg"]',24,37,0,1,1,0,2,NULL,NULL,'2026-10-21 12:28:24.793000','2026-10-21 12:28:24.793000',1,1);
CREATE TABLE "ProductCategory" (
	id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	slug VARCHAR(80) NOT NULL, 
	image VARCHAR(255), 
	description TEXT NOT NULL, 
	position SMALLINT NOT NULL, 
	archived BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT "pk_ProductCategory" PRIMARY KEY (id), 
	CONSTRAINT "fk_ProductCategory_group_id" FOREIGN KEY(group_id) REFERENCES "ProductGroup" (id), 
	CONSTRAINT "uq_ProductCategory_group_id_name" UNIQUE (group_id, name), 
	CONSTRAINT "uq_ProductCategory_id_group_id" UNIQUE (id, group_id), 
	CONSTRAINT "uq_ProductCategory_slug" UNIQUE (slug)
);
INSERT INTO "ProductCategory" VALUES(1,1,'Куртки и пальто','zimnyaya-odezhda','4f482aea313b22bf727e9b16fd109b02.svg','С ними не замёрзнешь и на горке.',1,0);
INSERT INTO "ProductCategory" VALUES(2,1,'Обувь','zimnyaya-obuv','436d4e4fad40f15a743bd633f2c3af4d.svg','Сухие и тёплые ноги до самой весны.',2,0);
INSERT INTO "ProductCategory" VALUES(3,1,'Головные уборы','zimnie-golovnye-ubory','755a08eed912d7bac6dbab0a2bb6d57d.svg','Шапки, под которыми не холодно.',3,0);
INSERT INTO "ProductCategory" VALUES(4,2,'Одежда','letnyaya-odezhda','d9e5bd699970958a95009093ba1e42c3.svg','Лёгкие вещи, в которых дышится.',1,0);
INSERT INTO "ProductCategory" VALUES(5,2,'Обувь','letnyaya-obuv','3335a02b80212cd33e9cc81697c7de01.svg','Для города, песка и травы.',2,0);
INSERT INTO "ProductCategory" VALUES(6,2,'Головные уборы','letnie-golovnye-ubory','29c4ad2482d4ec36c81c34c00e34935d.svg','Тень, которая всегда с собой.',3,0);
INSERT INTO "ProductCategory" VALUES(7,3,'Плащи и ветровки','plashchi-i-vetrovki','798aa713387c1e08dd6c8d99c06ea9bd.svg','Защита от дождя и ветра.',1,0);
INSERT INTO "ProductCategory" VALUES(8,3,'Трикотаж','trikotazh','0cd8ec01e118dfc267b3669fbf215a93.svg','Вязаное и мягкое на каждый день.',2,0);
INSERT INTO "ProductCategory" VALUES(9,3,'Обувь','osennyaya-obuv','bf7af02d32e261a5200cc4fd4b20d976.svg','Ни луж, ни скользких листьев.',3,0);
INSERT INTO "ProductCategory" VALUES(10,4,'Рюкзаки и сумки','ryukzaki-i-sumki','d86c4f03fa8cc36a8faea2ea5714e67d.svg','Вмещают больше, чем кажется.',1,0);
INSERT INTO "ProductCategory" VALUES(11,4,'Для похода','dlya-pohoda','22b2aee0b7e99fcdaed50d10b0023fd0.svg','Проверено у костра.',2,0);
INSERT INTO "ProductCategory" VALUES(12,4,'Аксессуары','aksessuary','dc347ef60f5eeabe5d411259b1f35176.svg','Мелочи, без которых никак.',3,0);
CREATE TABLE "ProductGroup" (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	slug VARCHAR(80) NOT NULL, 
	image VARCHAR(255), 
	description TEXT NOT NULL, 
	position SMALLINT NOT NULL, 
	archived BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT "pk_ProductGroup" PRIMARY KEY (id), 
	CONSTRAINT "uq_ProductGroup_name" UNIQUE (name), 
	CONSTRAINT "uq_ProductGroup_slug" UNIQUE (slug)
);
INSERT INTO "ProductGroup" VALUES(1,'Зима','zima','4f482aea313b22bf727e9b16fd109b02.svg','Тепло в мороз и метель.',1,0);
INSERT INTO "ProductGroup" VALUES(2,'Лето','leto','d9e5bd699970958a95009093ba1e42c3.svg','Жара, дача и море.',2,0);
INSERT INTO "ProductGroup" VALUES(3,'Осень','osen','798aa713387c1e08dd6c8d99c06ea9bd.svg','Дождь, ветер и уютные вечера.',3,0);
INSERT INTO "ProductGroup" VALUES(4,'В дорогу','v-dorogu','d86c4f03fa8cc36a8faea2ea5714e67d.svg','Всё, что едет с вами.',4,0);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE INDEX "ix_IdempotencyKey_created" ON "IdempotencyKey" (created);
CREATE INDEX "ix_Outbox_pending" ON "Outbox" (position) WHERE done_at IS NULL;
CREATE INDEX "ix_Product_category_newest" ON "Product" (category_id, status, creation_time, id);
CREATE INDEX "ix_Product_group_newest" ON "Product" (group_id, status, creation_time, id);
CREATE INDEX "ix_Product_newest" ON "Product" (status, creation_time, id);
CREATE INDEX "ix_Comment_product_newest" ON "Comment" (product_id, status, creation_time, id);
CREATE INDEX "ix_Comment_queue" ON "Comment" (status, creation_time, id);
CREATE INDEX "ix_Comment_user_id" ON "Comment" (user_id, id);
COMMIT;
