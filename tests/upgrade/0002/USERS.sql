BEGIN TRANSACTION;
CREATE TABLE "AppliedEvent" (
	event_id VARCHAR(32) NOT NULL, 
	applied DATETIME NOT NULL, 
	CONSTRAINT "pk_AppliedEvent" PRIMARY KEY (event_id)
);
CREATE TABLE "CartLine" (
	id INTEGER NOT NULL, 
	cart_id INTEGER NOT NULL, 
	article INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	price_minor INTEGER NOT NULL, 
	source VARCHAR(8) NOT NULL, 
	chat_id INTEGER, 
	chat_seq INTEGER, 
	service_person_id INTEGER, 
	creation_time DATETIME NOT NULL, 
	removed_time DATETIME, 
	CONSTRAINT "pk_CartLine" PRIMARY KEY (id), 
	CONSTRAINT "ck_CartLine_source" CHECK (source IN ('shop', 'chat', 'proposal')), 
	CONSTRAINT "ck_CartLine_price_minor" CHECK (price_minor >= 0), 
	CONSTRAINT "ck_CartLine_quantity" CHECK (quantity > 0), 
	CONSTRAINT "fk_CartLine_cart_id" FOREIGN KEY(cart_id) REFERENCES "UserCart" (id), 
	CONSTRAINT "fk_CartLine_service_person_id" FOREIGN KEY(service_person_id) REFERENCES "ServicePerson" (id), 
	CONSTRAINT "uq_CartLine_cart_id_article" UNIQUE (cart_id, article)
);
INSERT INTO "CartLine" VALUES(1,1,613911,1,764990,'shop',NULL,NULL,NULL,'2026-11-23 14:23:51.936704',NULL);
INSERT INTO "CartLine" VALUES(2,1,228480,2,142491,'shop',NULL,NULL,NULL,'2026-11-23 14:23:51.936704',NULL);
CREATE TABLE "Counter" (
	name VARCHAR(16) NOT NULL, 
	value INTEGER NOT NULL, 
	CONSTRAINT "pk_Counter" PRIMARY KEY (name)
);
INSERT INTO "Counter" VALUES('sessions',10);
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
CREATE TABLE "Login" (
	name_normal VARCHAR(254) NOT NULL, 
	kind VARCHAR(5) NOT NULL, 
	person_id INTEGER NOT NULL, 
	CONSTRAINT "pk_Login" PRIMARY KEY (name_normal), 
	CONSTRAINT "ck_Login_kind" CHECK (kind IN ('user', 'staff'))
);
INSERT INTO "Login" VALUES('owner','staff',1);
INSERT INTO "Login" VALUES('owner@example.org','staff',1);
INSERT INTO "Login" VALUES('manager','staff',2);
INSERT INTO "Login" VALUES('manager@example.org','staff',2);
INSERT INTO "Login" VALUES('anna','user',1);
INSERT INTO "Login" VALUES('anna@example.org','user',1);
INSERT INTO "Login" VALUES('boris','user',2);
INSERT INTO "Login" VALUES('boris@example.org','user',2);
CREATE TABLE "Meta" (
	"key" VARCHAR(32) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	CONSTRAINT "pk_Meta" PRIMARY KEY ("key")
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
CREATE TABLE "PasswordReset" (
	token_hash VARCHAR(64) NOT NULL, 
	person_kind VARCHAR(5) NOT NULL, 
	person_id INTEGER NOT NULL, 
	creation_time DATETIME NOT NULL, 
	expiry_time DATETIME NOT NULL, 
	used_time DATETIME, 
	CONSTRAINT "pk_PasswordReset" PRIMARY KEY (token_hash), 
	CONSTRAINT "ck_PasswordReset_person_kind" CHECK (person_kind IN ('user', 'staff'))
);
CREATE TABLE "ServicePerson" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	uuid VARCHAR(36) NOT NULL, 
	username VARCHAR(32) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	role VARCHAR(7) NOT NULL, 
	allows JSON NOT NULL, 
	name VARCHAR(100), 
	lastname VARCHAR(100), 
	image VARCHAR(255), 
	sex VARCHAR(6), 
	hashed_password VARCHAR(255) NOT NULL, 
	is_active BOOLEAN DEFAULT 1 NOT NULL, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	CONSTRAINT "ck_ServicePerson_role" CHECK (role IN ('manager', 'owner')), 
	CONSTRAINT "uq_ServicePerson_uuid" UNIQUE (uuid)
);
INSERT INTO "ServicePerson" VALUES(1,'591064df-da1c-4ff8-bfe9-2156a9b20566','owner','owner@example.org','owner','[]',NULL,NULL,NULL,NULL,'$argon2id$v=19$m=8,t=1,p=1$9WeAFvbEa7rplre5sOr8Cg$fLPf2G8OsOtw+cKe5OQC4IPtXnxXoiZJvOfNPN3XUcw',1,'2026-11-23 14:23:50.513000','2026-11-23 14:23:50.513000');
INSERT INTO "ServicePerson" VALUES(2,'bf4b623b-e5ad-490a-b10c-2842d395689d','manager','manager@example.org','manager','["products.edit","chats.answer"]',NULL,NULL,NULL,NULL,'$argon2id$v=19$m=8,t=1,p=1$nOoRdfsxr3jH3MNbpjxrvQ$WkLyYjCO/zIg1pQuLpWPUvJDdpRqKoK8fkt54LZlmb0',1,'2026-11-23 14:23:50.656000','2026-11-23 14:23:50.656000');
CREATE TABLE "Session" (
	token_hash VARCHAR(64) NOT NULL, 
	audience VARCHAR(5) NOT NULL, 
	person_kind VARCHAR(5), 
	person_id INTEGER, 
	guest_user_id INTEGER, 
	data JSON NOT NULL, 
	creation_time DATETIME NOT NULL, 
	last_seen_time DATETIME NOT NULL, 
	expiry_time DATETIME NOT NULL, 
	revoked_time DATETIME, 
	replaced_by VARCHAR(64), 
	rev INTEGER NOT NULL, 
	CONSTRAINT "pk_Session" PRIMARY KEY (token_hash), 
	CONSTRAINT "ck_Session_staff" CHECK ((audience = 'staff') = (COALESCE(person_kind, '') = 'staff')), 
	CONSTRAINT "ck_Session_audience" CHECK (audience IN ('shop', 'staff')), 
	CONSTRAINT "ck_Session_person_kind" CHECK (person_kind IN ('user', 'staff')), 
	CONSTRAINT "ck_Session_person" CHECK ((person_kind IS NULL) = (person_id IS NULL)), 
	CONSTRAINT "ck_Session_guest" CHECK (guest_user_id IS NULL OR person_id IS NULL), 
	CONSTRAINT "fk_Session_guest_user_id" FOREIGN KEY(guest_user_id) REFERENCES "User" (id)
);
INSERT INTO "Session" VALUES('5adf2651e6f3c56766c6f0123c4b1c0587e21abf31d69bd83926f88c1d3fb93c','staff','staff',1,NULL,'{}','2026-11-23 14:23:50.581000','2026-11-23 14:23:50.581000','2026-11-24 02:23:50.581000',NULL,NULL,0);
INSERT INTO "Session" VALUES('2fd26bea75807a637b8f517e1cf17a6e5efbdf8b1ca9617633be80373b69be19','staff','staff',2,NULL,'{}','2026-11-23 14:23:50.668000','2026-11-23 14:23:51.089000','2026-11-24 02:23:51.089000',NULL,NULL,0);
INSERT INTO "Session" VALUES('09fb8361603ff64917dfc8397c876444170d8072bc57cd9aa423cea85884d8e0','shop','user',1,NULL,'{}','2026-11-23 14:23:50.810000','2026-11-23 14:23:50.810000','2026-12-23 14:23:50.810000',NULL,NULL,0);
INSERT INTO "Session" VALUES('944c3cbfe9775f0130924c4c42494e7b376a70e01a01e529879ea466e307029e','shop','user',1,NULL,'{}','2026-11-23 14:23:50.857000','2026-11-23 14:23:50.928000','2026-12-23 14:23:50.928000',NULL,NULL,0);
INSERT INTO "Session" VALUES('339c4981a256dc2ec4dd045f4c351832655129870929ad268e2cd7b791eed02d','shop',NULL,NULL,3,'{}','2026-11-23 14:23:50.884000','2026-11-23 14:23:51.732000','2027-12-28 14:23:50.884000',NULL,NULL,10);
INSERT INTO "Session" VALUES('ded0a72e17fe835057aee9a75cc326e924d83bf2e82c482a50d2a8de1d65035d','shop','user',2,NULL,'{}','2026-11-23 14:23:50.913000','2026-11-23 14:23:50.913000','2026-12-23 14:23:50.913000',NULL,NULL,0);
INSERT INTO "Session" VALUES('5ba188c6487db23561a583f68ad0538973b8218f6a94868debbac849a6423c68','shop','user',2,NULL,'{}','2026-11-23 14:23:50.921000','2026-11-23 14:23:50.921000','2026-12-23 14:23:50.921000',NULL,NULL,0);
CREATE TABLE "StaffAction" (
	id INTEGER NOT NULL, 
	service_person_id INTEGER, 
	kind VARCHAR(32) NOT NULL, 
	object_kind VARCHAR(16) NOT NULL, 
	object_id INTEGER, 
	"before" JSON, 
	"after" JSON, 
	creation_time DATETIME NOT NULL, 
	CONSTRAINT "pk_StaffAction" PRIMARY KEY (id), 
	CONSTRAINT "fk_StaffAction_service_person_id" FOREIGN KEY(service_person_id) REFERENCES "ServicePerson" (id)
);
INSERT INTO "StaffAction" VALUES(1,NULL,'create_staff','staff',1,NULL,'{"role":"owner","allows":[],"is_active":true}','2026-11-23 14:23:50.532000');
INSERT INTO "StaffAction" VALUES(2,NULL,'create_staff','staff',2,NULL,'{"role":"manager","allows":["products.edit","chats.answer"],"is_active":true}','2026-11-23 14:23:50.659000');
CREATE TABLE "User" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	username VARCHAR(32), 
	email VARCHAR(254), 
	role VARCHAR(5) NOT NULL, 
	name VARCHAR(100), 
	lastname VARCHAR(100), 
	image VARCHAR(255), 
	sex VARCHAR(6), 
	language VARCHAR(8), 
	hashed_password VARCHAR(255), 
	is_active BOOLEAN DEFAULT 1 NOT NULL, 
	blocked_time DATETIME, 
	merged_into INTEGER, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	CONSTRAINT "ck_User_guest" CHECK (role = 'user' OR (username IS NULL AND hashed_password IS NULL)), 
	CONSTRAINT "ck_User_role" CHECK (role IN ('guest', 'user')), 
	CONSTRAINT "fk_User_merged_into" FOREIGN KEY(merged_into) REFERENCES "User" (id)
);
INSERT INTO "User" VALUES(1,'anna','anna@example.org','user',NULL,NULL,NULL,NULL,NULL,'$argon2id$v=19$m=8,t=1,p=1$QVpcNN01tFXdmvAioh1+Kw$Mxxk1pUBrVqEfGURIBBWDLz+0tQMVlL3ED+lnTcVjXA',1,NULL,NULL,'2026-11-23 14:23:50.810000','2026-11-23 14:23:50.810000');
INSERT INTO "User" VALUES(2,'boris','boris@example.org','user',NULL,NULL,NULL,NULL,NULL,'$argon2id$v=19$m=8,t=1,p=1$1cWEKn+nGeQIE/1PwuRefA$9M0V9nN6Y3/Qfb6vBcdwcOqAs/sPEq7rF/lnhXZBvRg',1,NULL,NULL,'2026-11-23 14:23:50.913000','2026-11-23 14:23:50.913000');
INSERT INTO "User" VALUES(3,NULL,NULL,'guest',NULL,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,'2026-11-23 14:23:51.656000','2026-11-23 14:23:51.656000');
CREATE TABLE "UserCart" (
	id INTEGER NOT NULL, 
	owner_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time DATETIME NOT NULL, 
	edit_time DATETIME NOT NULL, 
	CONSTRAINT "pk_UserCart" PRIMARY KEY (id), 
	CONSTRAINT "ck_UserCart_version" CHECK (version >= 0), 
	CONSTRAINT "fk_UserCart_owner_id" FOREIGN KEY(owner_id) REFERENCES "User" (id), 
	CONSTRAINT "uq_UserCart_owner_id" UNIQUE (owner_id)
);
INSERT INTO "UserCart" VALUES(1,1,2,'2026-11-23 14:23:51.936704','2026-11-23 14:23:51.936704');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE INDEX "ix_IdempotencyKey_created" ON "IdempotencyKey" (created);
CREATE INDEX "ix_Login_person" ON "Login" (kind, person_id);
CREATE INDEX "ix_Outbox_pending" ON "Outbox" (position) WHERE done_at IS NULL;
CREATE INDEX "ix_PasswordReset_person" ON "PasswordReset" (person_kind, person_id);
CREATE INDEX "ix_Session_expiry_time" ON "Session" (expiry_time);
CREATE INDEX "ix_Session_guest_user_id" ON "Session" (guest_user_id);
CREATE INDEX "ix_Session_person" ON "Session" (person_kind, person_id);
CREATE INDEX "ix_Session_rev" ON "Session" (rev, token_hash);
CREATE INDEX "ix_StaffAction_object" ON "StaffAction" (object_kind, object_id, id);
CREATE INDEX "ix_StaffAction_person" ON "StaffAction" (service_person_id, id);
CREATE INDEX "ix_CartLine_removed_time" ON "CartLine" (removed_time);
CREATE INDEX "ix_StaffAction_creation_time" ON "StaffAction" (creation_time, id);
CREATE INDEX "ix_StaffAction_kind" ON "StaffAction" (kind, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('ServicePerson',2);
INSERT INTO "sqlite_sequence" VALUES('User',3);
COMMIT;
