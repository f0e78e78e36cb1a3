BEGIN TRANSACTION;
CREATE TABLE "AppliedEvent" (
	event_id VARCHAR(32) NOT NULL, 
	applied DATETIME NOT NULL, 
	CONSTRAINT "pk_AppliedEvent" PRIMARY KEY (event_id)
);
CREATE TABLE "ChatMember" (
	chat_id INTEGER NOT NULL, 
	log VARCHAR(5) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	person_id INTEGER NOT NULL, 
	read_seq INTEGER NOT NULL, 
	delivered_seq INTEGER NOT NULL, 
	CONSTRAINT "pk_ChatMember" PRIMARY KEY (chat_id, log, kind, person_id), 
	CONSTRAINT "ck_ChatMember_kind" CHECK (kind IN ('customer', 'staff')), 
	CONSTRAINT "ck_ChatMember_marks" CHECK (read_seq >= 0 AND delivered_seq >= read_seq), 
	CONSTRAINT "fk_ChatMember_chat_id" FOREIGN KEY(chat_id) REFERENCES "UserChat" (id)
);
INSERT INTO "ChatMember" VALUES(1,'chat','staff',2,11,11);
INSERT INTO "ChatMember" VALUES(2,'chat','staff',2,11,11);
CREATE TABLE "Counter" (
	name VARCHAR(16) NOT NULL, 
	value INTEGER NOT NULL, 
	CONSTRAINT "pk_Counter" PRIMARY KEY (name)
);
INSERT INTO "Counter" VALUES('rev',23);
CREATE TABLE "DeskState" (
	staff_id INTEGER NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	version INTEGER NOT NULL, 
	capacity SMALLINT NOT NULL, 
	open_count SMALLINT NOT NULL, 
	CONSTRAINT "pk_DeskState" PRIMARY KEY (staff_id), 
	CONSTRAINT "ck_DeskState_state" CHECK (state IN ('online', 'busy', 'away', 'off')), 
	CONSTRAINT "ck_DeskState_open_count" CHECK (open_count >= 0)
);
INSERT INTO "DeskState" VALUES(2,'off',1,5,1);
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
CREATE TABLE "MergedCustomer" (
	guest_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	merged_time DATETIME NOT NULL, 
	CONSTRAINT "pk_MergedCustomer" PRIMARY KEY (guest_id)
);
CREATE TABLE "Message" (
	chat_id INTEGER NOT NULL, 
	log VARCHAR(5) NOT NULL, 
	seq INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	sender_kind VARCHAR(8) NOT NULL, 
	sender_id INTEGER, 
	client_id VARCHAR(96), 
	body_hash VARCHAR(32), 
	target_seq INTEGER, 
	reply_to_seq INTEGER, 
	data JSON, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME, 
	deleted_time DATETIME, 
	CONSTRAINT "pk_Message" PRIMARY KEY (chat_id, log, seq), 
	CONSTRAINT "ck_Message_log" CHECK (log IN ('chat', 'notes')), 
	CONSTRAINT "ck_Message_sender_kind" CHECK (sender_kind IN ('customer', 'staff', 'system', 'bot')), 
	CONSTRAINT "fk_Message_chat_id" FOREIGN KEY(chat_id) REFERENCES "UserChat" (id)
);
INSERT INTO "Message" VALUES(1,'chat',1,'opened','customer',1,NULL,NULL,NULL,NULL,'{"code":"opened","subject":"Доставка"}','2026-11-23 14:23:50.929000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',2,'message','customer',1,'opening','08a85e51390a984b50b5fccd8bdd5b0d',NULL,NULL,'{"text":"Здравствуйте, это anna"}','2026-11-23 14:23:50.929000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',3,'message','customer',1,'m0','26963b1847115061d3d2cf582480536e',NULL,NULL,'{"text":"Вопрос 0 👋"}','2026-11-23 14:23:51.007000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',4,'message','customer',1,'m1','d1e4159f9b82c564d74693c9f5b95636',NULL,NULL,'{"text":"Вопрос 1 👋"}','2026-11-23 14:23:51.033000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',5,'message','customer',1,'m2','0f419f72c306d582a3c5646edb78cba4',NULL,NULL,'{"text":"Вопрос 2 👋"}','2026-11-23 14:23:51.055000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',6,'message','customer',1,'m3','75aee55205a9e5f60dd39319b48e9dd7',NULL,NULL,'{"text":"Вопрос 3 👋"}','2026-11-23 14:23:51.067000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',7,'message','customer',1,'m4','7273be90ce8aa22469d73d961cc87780',NULL,NULL,'{"text":"Вопрос 4 👋"}','2026-11-23 14:23:51.077000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',8,'assigned','staff',2,NULL,NULL,NULL,NULL,'{"code":"assigned","to":2}','2026-11-23 14:23:51.148000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',9,'message','staff',2,'a1','87c0e92692257fc901ba32bf4d635589',NULL,NULL,'{"text":"Отвечаю подробно"}','2026-11-23 14:23:51.583000','2026-11-23 14:23:51.584000',NULL);
INSERT INTO "Message" VALUES(1,'chat',10,'edit','staff',2,'e1','096c9890e0090121b2ca6afb9ca63916',9,NULL,NULL,'2026-11-23 14:23:51.584000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',11,'message','staff',2,'d1','c8654961baeccc240f04b20781ed898b',NULL,NULL,NULL,'2026-11-23 14:23:51.589000',NULL,'2026-11-23 14:23:51.600000');
INSERT INTO "Message" VALUES(1,'chat',12,'delete','staff',2,'x1','f241739e8f23ee13e47423e65255ca53',11,NULL,NULL,'2026-11-23 14:23:51.600000',NULL,NULL);
INSERT INTO "Message" VALUES(1,'chat',13,'closed','staff',2,'c1','f18ab585a6ae6fcc1e892b4e67df974b',NULL,NULL,'{"code":"closed","reason":""}','2026-11-23 14:23:51.621000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',1,'opened','customer',3,NULL,NULL,NULL,NULL,'{"code":"opened","subject":"Доставка"}','2026-11-23 14:23:51.706000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',2,'message','customer',3,'opening','0c2efad0a49a76a0e8b8550e97750eb1',NULL,NULL,'{"text":"Здравствуйте, это guest"}','2026-11-23 14:23:51.706000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',3,'message','customer',3,'m0','82487567073aa3ed7c2fc116f645c936',NULL,NULL,'{"text":"Вопрос 0 👋"}','2026-11-23 14:23:51.741000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',4,'message','customer',3,'m1','97332919552eec3f5ebb517d7ecc9fc1',NULL,NULL,'{"text":"Вопрос 1 👋"}','2026-11-23 14:23:51.761000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',5,'message','customer',3,'m2','b8ac5fb157525df9787514f80ca4c408',NULL,NULL,'{"text":"Вопрос 2 👋"}','2026-11-23 14:23:51.784000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',6,'message','customer',3,'m3','64174c4e5177a912fc9b316cf3d93bc5',NULL,NULL,'{"text":"Вопрос 3 👋"}','2026-11-23 14:23:51.788000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',7,'message','customer',3,'m4','c4b9cae6c87c790c12d0fdc0afa056fe',NULL,NULL,'{"text":"Вопрос 4 👋"}','2026-11-23 14:23:51.790000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',8,'assigned','staff',2,NULL,NULL,NULL,NULL,'{"code":"assigned","to":2}','2026-11-23 14:23:51.806000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',9,'message','staff',2,'a2','c4da3a436c53f433f73ce7a1315b8e1c',NULL,NULL,'{"text":"Отвечаю подробно"}','2026-11-23 14:23:51.847000','2026-11-23 14:23:51.873000',NULL);
INSERT INTO "Message" VALUES(2,'chat',10,'edit','staff',2,'e2','05577ec45c1e69269c0fc31029707c04',9,NULL,NULL,'2026-11-23 14:23:51.873000',NULL,NULL);
INSERT INTO "Message" VALUES(2,'chat',11,'message','staff',2,'d2','d92bdbfea32e513686902e594d1e4b07',NULL,NULL,NULL,'2026-11-23 14:23:51.902000',NULL,'2026-11-23 14:23:51.914000');
INSERT INTO "Message" VALUES(2,'chat',12,'delete','staff',2,'x2','c4c854ac6fc1bae2aeeb70dc15db8e52',11,NULL,NULL,'2026-11-23 14:23:51.914000',NULL,NULL);
CREATE TABLE "MessageRevision" (
	chat_id INTEGER NOT NULL, 
	log VARCHAR(5) NOT NULL, 
	seq INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	data JSON, 
	replaced_time DATETIME NOT NULL, 
	replaced_by INTEGER, 
	CONSTRAINT "pk_MessageRevision" PRIMARY KEY (chat_id, log, seq, number), 
	CONSTRAINT "fk_MessageRevision_chat_id_log_seq" FOREIGN KEY(chat_id, log, seq) REFERENCES "Message" (chat_id, log, seq)
);
INSERT INTO "MessageRevision" VALUES(1,'chat',9,1,'{"text":"Отвечаю"}','2026-11-23 14:23:51.584000',2);
INSERT INTO "MessageRevision" VALUES(1,'chat',11,1,'{"text":"Лишнее"}','2026-11-23 14:23:51.600000',2);
INSERT INTO "MessageRevision" VALUES(2,'chat',9,1,'{"text":"Отвечаю"}','2026-11-23 14:23:51.873000',2);
INSERT INTO "MessageRevision" VALUES(2,'chat',11,1,'{"text":"Лишнее"}','2026-11-23 14:23:51.914000',2);
CREATE TABLE "Meta" (
	"key" VARCHAR(32) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	CONSTRAINT "pk_Meta" PRIMARY KEY ("key")
);
INSERT INTO "Meta" VALUES('epoch','e-1fc55f5c9f11154d');
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
CREATE TABLE "UserChat" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	user_id INTEGER NOT NULL, 
	service_person_id INTEGER, 
	creation_time DATETIME NOT NULL, 
	status VARCHAR(8) NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	priority SMALLINT NOT NULL, 
	labels JSON NOT NULL, 
	contact JSON, 
	last_seq INTEGER NOT NULL, 
	last_note_seq INTEGER NOT NULL, 
	state_version INTEGER NOT NULL, 
	rev INTEGER NOT NULL, 
	last_customer_seq INTEGER NOT NULL, 
	last_staff_seq INTEGER NOT NULL, 
	last_entry_time DATETIME NOT NULL, 
	preview VARCHAR(120) NOT NULL, 
	waiting_since DATETIME, 
	first_reply_time DATETIME, 
	snoozed_until DATETIME, 
	closed_time DATETIME, 
	continued_in INTEGER, 
	rating SMALLINT, 
	rating_text TEXT, 
	CONSTRAINT "ck_UserChat_status" CHECK (status IN ('queued', 'active', 'snoozed', 'closed')), 
	CONSTRAINT "ck_UserChat_heads" CHECK (last_seq >= 0 AND last_note_seq >= 0)
);
INSERT INTO "UserChat" VALUES(1,1,2,'2026-11-23 14:23:50.929000','closed','Доставка',0,'[]',NULL,13,0,3,12,7,11,'2026-11-23 14:23:51.621000','',NULL,'2026-11-23 14:23:51.583000',NULL,'2026-11-23 14:23:51.621000',NULL,NULL,NULL);
INSERT INTO "UserChat" VALUES(2,3,2,'2026-11-23 14:23:51.706000','active','Доставка',0,'[]',NULL,12,0,2,23,7,11,'2026-11-23 14:23:51.914000','',NULL,'2026-11-23 14:23:51.847000',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE INDEX "ix_IdempotencyKey_created" ON "IdempotencyKey" (created);
CREATE INDEX "ix_MergedCustomer_user_id" ON "MergedCustomer" (user_id);
CREATE INDEX "ix_Outbox_pending" ON "Outbox" (position) WHERE done_at IS NULL;
CREATE INDEX "ix_UserChat_closed" ON "UserChat" (last_entry_time, id) WHERE status = 'closed';
CREATE INDEX "ix_UserChat_desk" ON "UserChat" (service_person_id) WHERE status <> 'closed';
CREATE INDEX "ix_UserChat_recent" ON "UserChat" (last_entry_time, id) WHERE status <> 'closed';
CREATE UNIQUE INDEX "ix_UserChat_rev" ON "UserChat" (rev);
CREATE INDEX "ix_UserChat_user_id" ON "UserChat" (user_id, id);
CREATE INDEX "ix_UserChat_waiting" ON "UserChat" (waiting_since, id) WHERE status <> 'closed';
CREATE UNIQUE INDEX "uq_UserChat_open" ON "UserChat" (user_id) WHERE status <> 'closed';
CREATE INDEX "ix_ChatMember_person" ON "ChatMember" (kind, person_id, chat_id);
CREATE UNIQUE INDEX "uq_Message_client_id" ON "Message" (sender_kind, sender_id, client_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('UserChat',2);
COMMIT;
