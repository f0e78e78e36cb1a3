BEGIN TRANSACTION;
CREATE TABLE "Announcement" (
	id INTEGER NOT NULL, 
	title VARCHAR(200) NOT NULL, 
	text TEXT NOT NULL, 
	image VARCHAR(255), 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME NOT NULL, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT "pk_Announcement" PRIMARY KEY (id), 
	CONSTRAINT "ck_Announcement_period" CHECK (starts_at < ends_at)
);
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
	version INTEGER NOT NULL, useful INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT "pk_Comment" PRIMARY KEY (id), 
	CONSTRAINT "ck_Comment_status" CHECK (status IN ('pending', 'approved', 'hidden')), 
	CONSTRAINT "ck_Comment_rating" CHECK (rating BETWEEN 1 AND 5), 
	CONSTRAINT "fk_Comment_product_id" FOREIGN KEY(product_id) REFERENCES "Product" (id), 
	CONSTRAINT "uq_Comment_product_id_user_id" UNIQUE (product_id, user_id)
);
CREATE TABLE "CommentVote" (
	comment_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	CONSTRAINT "pk_CommentVote" PRIMARY KEY (comment_id, user_id), 
	CONSTRAINT "fk_CommentVote_comment_id" FOREIGN KEY(comment_id) REFERENCES "Comment" (id)
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
CREATE TABLE "ImportJob" (
	id INTEGER NOT NULL, 
	status VARCHAR(7) NOT NULL, 
	format VARCHAR(6) NOT NULL, 
	dry_run BOOLEAN DEFAULT 0 NOT NULL, 
	file_name VARCHAR(200) NOT NULL, 
	bytes_total INTEGER NOT NULL, 
	bytes_done INTEGER NOT NULL, 
	rows INTEGER NOT NULL, 
	added INTEGER NOT NULL, 
	changed INTEGER NOT NULL, 
	unchanged INTEGER NOT NULL, 
	refused INTEGER NOT NULL, 
	problem VARCHAR(64), 
	service_person_id INTEGER, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	CONSTRAINT "pk_ImportJob" PRIMARY KEY (id), 
	CONSTRAINT "ck_ImportJob_format" CHECK (format IN ('csv', 'ndjson')), 
	CONSTRAINT "ck_ImportJob_status" CHECK (status IN ('waiting', 'running', 'done', 'failed'))
);
CREATE TABLE "ImportRow" (
	job_id INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	article INTEGER, 
	errors JSON NOT NULL, 
	CONSTRAINT "pk_ImportRow" PRIMARY KEY (job_id, line), 
	CONSTRAINT "fk_ImportRow_job_id" FOREIGN KEY(job_id) REFERENCES "ImportJob" (id)
);
CREATE TABLE "Meta" (
	"key" VARCHAR(32) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	CONSTRAINT "pk_Meta" PRIMARY KEY ("key")
);
INSERT INTO "Meta" VALUES('catalogue','43426224172');
CREATE TABLE "Order" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	number VARCHAR(20) NOT NULL, 
	user_id INTEGER NOT NULL, 
	cart_version INTEGER, 
	status VARCHAR(9) NOT NULL, 
	contact_name VARCHAR(200) NOT NULL, 
	contact_phone VARCHAR(32) NOT NULL, 
	contact_email VARCHAR(254), 
	delivery_method VARCHAR(8) NOT NULL, 
	delivery_address TEXT NOT NULL, 
	delivery_note TEXT NOT NULL, 
	payment_method VARCHAR(11) NOT NULL, 
	payment_status VARCHAR(8) NOT NULL, 
	paid_at DATETIME, 
	hold_until DATETIME, 
	total_minor INTEGER NOT NULL, 
	cancel_reason VARCHAR(200), 
	sold_on DATE NOT NULL, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT "ck_Order_delivery_method" CHECK (delivery_method IN ('courier', 'pickup', 'post')), 
	CONSTRAINT "ck_Order_payment_method" CHECK (payment_method IN ('on_delivery', 'transfer', 'online')), 
	CONSTRAINT "ck_Order_payment_status" CHECK (payment_status IN ('unpaid', 'paid', 'refunded')), 
	CONSTRAINT "ck_Order_status" CHECK (status IN ('placed', 'packed', 'shipped', 'delivered', 'cancelled', 'returned')), 
	CONSTRAINT "ck_Order_total_minor" CHECK (total_minor >= 0), 
	CONSTRAINT "uq_Order_number" UNIQUE (number), 
	CONSTRAINT "uq_Order_user_id_cart_version" UNIQUE (user_id, cart_version)
);
CREATE TABLE "OrderLine" (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	article INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	image VARCHAR(255), 
	price_minor INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	source VARCHAR(8) NOT NULL, 
	chat_id INTEGER, 
	chat_seq INTEGER, 
	service_person_id INTEGER, 
	CONSTRAINT "pk_OrderLine" PRIMARY KEY (id), 
	CONSTRAINT "ck_OrderLine_source" CHECK (source IN ('shop', 'chat', 'proposal')), 
	CONSTRAINT "ck_OrderLine_price_minor" CHECK (price_minor >= 0), 
	CONSTRAINT "ck_OrderLine_quantity" CHECK (quantity > 0), 
	CONSTRAINT "fk_OrderLine_order_id" FOREIGN KEY(order_id) REFERENCES "Order" (id), 
	CONSTRAINT "fk_OrderLine_product_id" FOREIGN KEY(product_id) REFERENCES "Product" (id), 
	CONSTRAINT "uq_OrderLine_order_id_product_id" UNIQUE (order_id, product_id)
);
CREATE TABLE "OrdersDay" (
	day DATE NOT NULL, 
	placed INTEGER NOT NULL, 
	cancelled INTEGER NOT NULL, 
	revenue_minor INTEGER NOT NULL, 
	CONSTRAINT "pk_OrdersDay" PRIMARY KEY (day)
);
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
CREATE TABLE "PriceLog" (
	id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	price_minor INTEGER NOT NULL, 
	effective_minor INTEGER NOT NULL, 
	start_time DATETIME NOT NULL, 
	service_person_id INTEGER, 
	promotion_id INTEGER, 
	CONSTRAINT "pk_PriceLog" PRIMARY KEY (id), 
	CONSTRAINT "fk_PriceLog_product_id" FOREIGN KEY(product_id) REFERENCES "Product" (id)
);
INSERT INTO "PriceLog" VALUES(1,9,987990,592794,'2026-09-20 22:53:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(2,11,630990,630990,'2026-10-21 09:24:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(3,2,149990,142491,'2026-05-08 02:46:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(4,5,127990,102392,'2026-07-30 07:25:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(5,12,272990,232042,'2026-10-21 12:43:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(6,8,930990,558594,'2026-09-14 12:07:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(7,1,764990,764990,'2026-05-05 04:05:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(8,4,798990,759041,'2026-07-22 01:20:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(9,7,802990,642392,'2026-08-28 11:52:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(10,10,445990,401391,'2026-10-03 17:35:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(11,3,131990,131990,'2026-07-12 11:05:50.709000',NULL,NULL);
INSERT INTO "PriceLog" VALUES(12,6,670990,402594,'2026-08-26 16:32:50.709000',NULL,NULL);
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
INSERT INTO "Product" VALUES(1,613911,'Кроссовки нескользящие «Сиверко»','published',9,3,764990,0,764990,NULL,NULL,'["межсезонье","нескользящие"]','{"brand":"Сиверко","colors":["голубой"],"materials":["текстиль"],"sizes":["37","38","39","40","41","42","43"]}','Россия','Рельефная подошва держит и на льду, и на мокрой плитке. Пятка не сминается, даже если обуваться без ложки. Материал: текстиль. Обменяем, если не подойдёт размер.','["0cb63379106246ee06ee05bf033bcb8b.svg"]',0,7,0,0,0,0,0,NULL,NULL,'2026-05-05 04:05:50.709000','2026-05-05 04:05:50.709000',1,1);
INSERT INTO "Product" VALUES(2,228480,'Шапка мягкая «Суховей»','published',3,1,149990,500,142491,NULL,NULL,'["в горы","зимняя прогулка","мягкая"]','{"brand":"Суховей","colors":["песочный","голубой"],"materials":["акрил"],"sizes":["единый"]}','Россия','Внутри нет грубых швов: ничего не натирает и не колется. Двойной отворот закрывает уши. Материал: акрил.','["fa759006e280ef72cb7d5ad16b0bc2aa.svg","a23ff5449016bc851d6e0b1f5f1e1605.svg"]',126,8,2,0,0,3,13,NULL,NULL,'2026-05-08 02:46:50.709000','2026-05-08 02:46:50.709000',1,1);
INSERT INTO "Product" VALUES(3,871186,'Панама весёлая «Звонкий ручей»','published',6,2,131990,0,131990,NULL,NULL,'["в жару","на дачу","весёлая"]','{"brand":"Звонкий ручей","colors":["коричневый"],"materials":["хлопок"],"sizes":["54–56","56–58","58–60"]}','Россия','Мелкий горошек нравится и детям, и взрослым. Поля держат форму, сверху есть отверстия для воздуха. Материал: хлопок. Цвет на картинке и в жизни один и тот же.','["03ef58e37ccd6a0e2eb76234db8473c6.svg"]',91,23,2,1,0,0,10,NULL,NULL,'2026-07-12 11:05:50.709000','2026-07-12 11:05:50.709000',1,1);
INSERT INTO "Product" VALUES(4,614232,'Ботинки нескользящие «Pelligo»','published',2,1,798990,500,759041,NULL,NULL,'["на мороз","в горы","нескользящие"]','{"brand":"Pelligo","colors":["синий","серый"],"materials":["кожа"],"sizes":["36","37","38","39","40","41","42"]}','Узбекистан','Рельефная подошва держит и на льду, и на мокрой плитке. Металлические крючки не ржавеют, язычок пришит до верха. Материал: кожа. Достаточно протереть влажной тканью.','["0edf9eaeb7857a4a0c170f4277edaed9.svg","3b136d6aa37e7060d38b638bc47845f3.svg"]',0,0,0,0,0,0,0,NULL,NULL,'2026-07-22 01:20:50.709000','2026-07-22 01:20:50.709000',1,1);
INSERT INTO "Product" VALUES(5,356636,'Зонт ветрозащитный «Перелеска»','published',12,4,127990,2000,102392,NULL,NULL,'["в поездку","на выходные","ветрозащитный"]','{"brand":"Перелеска","colors":["бирюзовый"],"materials":["полиэстер"],"sizes":["единый"]}','Беларусь','Плотную ткань не продувает даже на набережной. Спицы гнутся, но не ломаются, а чехол не теряется: он пристёгнут. Материал: полиэстер.','["b8a970caf5c543ead8318dfc2a9c8fdb.svg"]',0,67,0,0,0,0,0,NULL,NULL,'2026-07-30 07:25:50.709000','2026-07-30 07:25:50.709000',1,1);
INSERT INTO "Product" VALUES(6,999663,'Свитер мягкий «Tundrek»','published',8,3,670990,4000,402594,NULL,NULL,'["межсезонье","мягкий"]','{"brand":"Tundrek","colors":["синий","оливковый"],"materials":["шерсть"],"sizes":["S","M","L","XL","XXL"]}','Россия','Внутри нет грубых швов: ничего не натирает и не колется. Рисунок вывязан, а не напечатан. Материал: шерсть. Цвет на картинке и в жизни один и тот же.','["3577de5638d4d85335246f8431d03d46.svg","cb8e950e3c8695910b5d52a2b65e1667.svg"]',0,43,0,0,0,0,0,NULL,NULL,'2026-08-26 16:32:50.709000','2026-08-26 16:32:50.709000',1,1);
INSERT INTO "Product" VALUES(7,742388,'Палатка прочная «Lumisol»','published',11,4,802990,2000,642392,NULL,NULL,'["в поездку","в поход","прочная"]','{"brand":"Lumisol","colors":["песочный"],"materials":["нейлон"],"sizes":["2 места","3 места","4 места"]}','Россия','Выдерживает больше, чем обещает инструкция. Ставится за пять минут даже в одиночку. Материал: нейлон.','["11e114cefca886ad42dddab3deb6fb75.svg"]',0,22,0,0,0,0,0,NULL,NULL,'2026-08-28 11:52:50.709000','2026-08-28 11:52:50.709000',1,1);
INSERT INTO "Product" VALUES(8,485434,'Плащ приталенный «Sandorel»','published',7,3,930990,4000,558594,NULL,NULL,'["в дождь","для города","подарок","приталенный"]','{"brand":"Sandorel","colors":["горчичный"],"materials":["полиэстер"],"sizes":["XS","S","M","L","XL"]}','Россия','Крой мягко подчёркивает талию. Пояс можно завязать узлом, погоны отстёгиваются. Материал: полиэстер.','["3ced9ce3aa4fa2c8566cb53178c4bdb6.svg"]',0,12,0,0,0,0,0,NULL,NULL,'2026-09-14 12:07:50.709000','2026-09-14 12:07:50.709000',1,1);
INSERT INTO "Product" VALUES(9,100003,'Куртка спортивная «Pelligo»','published',1,1,987990,4000,592794,NULL,NULL,'["в горы","на мороз","подарок","спортивная"]','{"brand":"Pelligo","colors":["оливковый"],"materials":["нейлон"],"sizes":["XS","S","M","L","XL","XXL"]}','Россия','Не мешает двигаться ни на пробежке, ни в зале. Капюшон убирается в воротник, манжеты прячут запястья от снега. Материал: нейлон. Стирать при 30 градусах, сушить в тени.','["184bab349e0275fefa468e8dbeafdb20.svg"]',0,36,0,0,0,0,0,NULL,NULL,'2026-09-20 22:53:50.709000','2026-09-20 22:53:50.709000',1,1);
INSERT INTO "Product" VALUES(10,742709,'Платье хлопковое «Сиверко»','published',4,2,445990,1000,401391,NULL,NULL,'["в жару","на дачу","хлопковое"]','{"brand":"Сиверко","colors":["голубой"],"materials":["хлопок"],"sizes":["XS","S","M","L","XL"]}','Россия','Хлопок пропускает воздух и легко стирается. Рукав прикрывает плечи, юбка не задирается на ветру. Материал: хлопок. Стирать при 30 градусах, сушить в тени.','["6f04a217956bd779e7673c60fbcb6838.svg"]',0,39,0,0,0,0,0,NULL,NULL,'2026-10-03 17:35:50.709000','2026-10-03 17:35:50.709000',1,1);
INSERT INTO "Product" VALUES(11,228159,'Рюкзак складной «Velmora»','published',10,4,630990,0,630990,NULL,NULL,'["на выходные","складной"]','{"brand":"Velmora","colors":["бирюзовый"],"materials":["хлопок"],"sizes":["18 л","25 л","35 л","50 л"]}','Россия','В сложенном виде помещается в боковой карман рюкзака. Отделение для ноутбука, спинка не потеет. Материал: хлопок.','["dd04a99dbb7030a29747453bcf2dc8eb.svg"]',0,0,0,0,0,0,0,NULL,NULL,'2026-10-21 09:24:50.709000','2026-10-21 09:24:50.709000',1,1);
INSERT INTO "Product" VALUES(12,356957,'Сандалии повседневные «Сиверко»','published',5,2,272990,1500,232042,NULL,NULL,'["к морю","на дачу","подарок","повседневные"]','{"brand":"Сиверко","colors":["бордовый"],"materials":["текстиль"],"sizes":["38","39","40","41","42","43","44"]}','Китай','Подходят на каждый день и ни к чему не обязывают. Ремешки на липучке легко подогнать по ноге. Материал: текстиль.','["7cbd257d32caba782c9a65663d98e7ef.svg"]',24,37,0,1,1,0,2,NULL,NULL,'2026-10-21 12:43:50.709000','2026-10-21 12:43:50.709000',1,1);
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
CREATE TABLE "Promotion" (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	description TEXT NOT NULL, 
	image VARCHAR(255), 
	kind VARCHAR(7) NOT NULL, 
	value INTEGER NOT NULL, 
	scope VARCHAR(10) NOT NULL, 
	targets JSON NOT NULL, 
	priority SMALLINT NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME NOT NULL, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT "pk_Promotion" PRIMARY KEY (id), 
	CONSTRAINT "ck_Promotion_kind" CHECK (kind IN ('percent', 'fixed')), 
	CONSTRAINT "ck_Promotion_scope" CHECK (scope IN ('all', 'products', 'categories', 'groups', 'tags')), 
	CONSTRAINT "ck_Promotion_value" CHECK (value > 0 AND (kind <> 'percent' OR value <= 10000)), 
	CONSTRAINT "ck_Promotion_period" CHECK (starts_at < ends_at)
);
CREATE TABLE "SalesDay" (
	day DATE NOT NULL, 
	product_id INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	revenue_minor INTEGER NOT NULL, 
	CONSTRAINT "pk_SalesDay" PRIMARY KEY (day, product_id), 
	CONSTRAINT "fk_SalesDay_product_id" FOREIGN KEY(product_id) REFERENCES "Product" (id)
);
CREATE TABLE "StockMove" (
	id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	delta INTEGER NOT NULL, 
	remains INTEGER NOT NULL, 
	reason VARCHAR(12) NOT NULL, 
	note VARCHAR(200) NOT NULL, 
	order_id INTEGER, 
	service_person_id INTEGER, 
	creation_time DATETIME NOT NULL, 
	CONSTRAINT "pk_StockMove" PRIMARY KEY (id), 
	CONSTRAINT "ck_StockMove_reason" CHECK (reason IN ('opening', 'receipt', 'correction', 'order', 'cancellation', 'return', 'import')), 
	CONSTRAINT "ck_StockMove_remains" CHECK (remains >= 0), 
	CONSTRAINT "fk_StockMove_product_id" FOREIGN KEY(product_id) REFERENCES "Product" (id)
);
INSERT INTO "StockMove" VALUES(1,9,36,36,'opening','',NULL,NULL,'2026-09-20 22:53:50.709000');
INSERT INTO "StockMove" VALUES(2,2,8,8,'opening','',NULL,NULL,'2026-05-08 02:46:50.709000');
INSERT INTO "StockMove" VALUES(3,5,67,67,'opening','',NULL,NULL,'2026-07-30 07:25:50.709000');
INSERT INTO "StockMove" VALUES(4,12,37,37,'opening','',NULL,NULL,'2026-10-21 12:43:50.709000');
INSERT INTO "StockMove" VALUES(5,8,12,12,'opening','',NULL,NULL,'2026-09-14 12:07:50.709000');
INSERT INTO "StockMove" VALUES(6,1,7,7,'opening','',NULL,NULL,'2026-05-05 04:05:50.709000');
INSERT INTO "StockMove" VALUES(7,7,22,22,'opening','',NULL,NULL,'2026-08-28 11:52:50.709000');
INSERT INTO "StockMove" VALUES(8,10,39,39,'opening','',NULL,NULL,'2026-10-03 17:35:50.709000');
INSERT INTO "StockMove" VALUES(9,3,23,23,'opening','',NULL,NULL,'2026-07-12 11:05:50.709000');
INSERT INTO "StockMove" VALUES(10,6,43,43,'opening','',NULL,NULL,'2026-08-26 16:32:50.709000');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE INDEX "ix_IdempotencyKey_created" ON "IdempotencyKey" (created);
CREATE INDEX "ix_Outbox_pending" ON "Outbox" (position) WHERE done_at IS NULL;
CREATE INDEX "ix_Product_category_newest" ON "Product" (category_id, status, creation_time, id);
CREATE INDEX "ix_Product_group_newest" ON "Product" (group_id, status, creation_time, id);
CREATE INDEX "ix_Product_newest" ON "Product" (status, creation_time, id);
CREATE INDEX "ix_Comment_product_newest" ON "Comment" (product_id, status, creation_time, id);
CREATE INDEX "ix_Comment_queue" ON "Comment" (status, creation_time, id);
CREATE INDEX "ix_Comment_user_id" ON "Comment" (user_id, id);
CREATE INDEX "ix_Announcement_ends_at" ON "Announcement" (ends_at, id);
CREATE INDEX "ix_Order_creation_time" ON "Order" (creation_time, id);
CREATE INDEX "ix_Order_hold_until" ON "Order" (hold_until);
CREATE INDEX "ix_Order_status" ON "Order" (status, id);
CREATE INDEX "ix_Order_user" ON "Order" (user_id, id);
CREATE INDEX "ix_Promotion_ends_at" ON "Promotion" (ends_at, id);
CREATE INDEX "ix_OrderLine_product_id" ON "OrderLine" (product_id, order_id);
CREATE INDEX "ix_PriceLog_product" ON "PriceLog" (product_id, start_time, id);
CREATE INDEX "ix_SalesDay_product_id" ON "SalesDay" (product_id, day);
CREATE INDEX "ix_StockMove_product" ON "StockMove" (product_id, id);
CREATE INDEX "ix_Comment_product_useful" ON "Comment" (product_id, status, useful, id);
CREATE INDEX "ix_Comment_product_rating" ON "Comment" (product_id, status, rating, id);
DELETE FROM "sqlite_sequence";
COMMIT;
