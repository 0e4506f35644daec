import { type Attempt, combine, each } from "./attempt.ts";

/** Where an expression may stand in a statement that reads `notes`. */
const PLACES = [
  "SELECT @",
  "SELECT id, @ FROM notes",
  "SELECT id FROM notes WHERE (@) IS NOT NULL",
  "SELECT id FROM notes ORDER BY @",
  "WITH who AS (SELECT @ AS a) SELECT notes.id FROM who, notes",
  "SELECT id FROM notes WHERE owner = 'user_bob' AND COALESCE(@, '') <> 'x'",
];

/** Expressions of PostgreSQL that change, or tell, for whom a statement runs. */
const CALLS_OF_POSTGRESQL = [
  "set_config('app.user_id', 'user_bob', true)",
  "set_config('app.user_id', 'user_bob', false)",
  "pg_catalog.set_config('app.user_id', 'user_bob', true)",
  `"set_config"('app.user_id', 'user_bob', true)`,
  `pg_catalog."set_config"(setting_name => 'app.user_id', new_value => 'user_bob', is_local => true)`,
  "U&\"set\\005fconfig\"('app.user_id', 'user_bob', true)",
  "set_config('role', 'postgres', true)",
  "set_config('session_authorization', 'postgres', true)",
  "set_config('row_security', 'off', true)",
  "set_config('search_path', 'pg_temp', true)",
  "current_setting('app.user_id')",
];

const WHOLE_OF_POSTGRESQL = [
  "SET app.user_id = 'user_bob'",
  "SET LOCAL app.user_id TO 'user_bob'",
  "SET SESSION app.user_id = 'user_bob'",
  "RESET app.user_id",
  "RESET ALL",
  "DISCARD ALL",
  "SET ROLE postgres",
  "SET LOCAL ROLE postgres",
  "RESET ROLE",
  "SET SESSION AUTHORIZATION postgres",
  "SET SESSION AUTHORIZATION DEFAULT",
  "SET row_security = off",
  "SET TRANSACTION READ WRITE",
  "ALTER ROLE reader SET app.user_id = 'user_bob'",
  "ALTER ROLE reader BYPASSRLS",
  "GRANT postgres TO reader",
  "SELECT 1; SET app.user_id = 'user_bob'",
  "COMMIT; SET app.user_id = 'user_bob'; SELECT * FROM notes",
  "ROLLBACK AND CHAIN",
  "PREPARE p AS SELECT set_config('app.user_id', 'user_bob', true)",
  "EXECUTE p",
  "DO $$ BEGIN PERFORM set_config('app.user_id', 'user_bob', true); END $$",
  "CALL become('user_bob')",
  "SELECT * FROM set_config('app.user_id', 'user_bob', true)",
  "SELECT * FROM notes, LATERAL set_config('app.user_id', notes.owner, true)",
  "SELECT * FROM ROWS FROM (set_config('app.user_id', 'user_bob', true))",
  "VALUES (set_config('app.user_id', 'user_bob', true))",
  "UPDATE pg_settings SET setting = 'user_bob' WHERE name = 'app.user_id'",
  "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
  "DROP POLICY own ON notes",
];

/** Expressions of MySQL and MariaDB that change, or tell, for whom a statement runs. */
const CALLS_OF_MYSQL = [
  "@app_user_id := 'user_bob'",
  "(@app_user_id := 'user_bob')",
  "@`app_user_id` := 'user_bob'",
  "@'app_user_id' := 'user_bob'",
  "@\"app_user_id\" := 'user_bob'",
  "@APP_USER_ID := 'user_bob'",
  "@/**/app_user_id := 'user_bob'",
  "@app_user_id",
  "@@session.sql_mode",
  "identity.app_user()",
  "current_role()",
];

const WHOLE_OF_MYSQL = [
  "SET @app_user_id = 'user_bob'",
  "SET @app_user_id := 'user_bob'",
  "SET @`app_user_id` = 'user_bob', @a = 1",
  "SELECT 'user_bob' INTO @app_user_id",
  "SELECT owner FROM notes LIMIT 1 INTO @app_user_id",
  "SELECT owner INTO @app_user_id FROM notes LIMIT 1",
  "SELECT id FROM notes WHERE id = (SELECT 1 INTO @app_user_id)",
  "SET STATEMENT max_statement_time = 0 FOR SELECT * FROM notes",
  "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT * FROM notes",
  "SET SESSION sql_mode = ''",
  "SET ROLE admin",
  "SET ROLE NONE",
  "SET DEFAULT ROLE admin",
  "SET PASSWORD = 'x'",
  "SET NAMES gbk",
  "SET TRANSACTION READ WRITE",
  "RESET CONNECTION",
  "USE mysql",
  "SELECT 1; SET @app_user_id = 'user_bob'",
  "COMMIT; SET @app_user_id = 'user_bob'",
  "PREPARE p FROM 'SET @app_user_id = ''user_bob'''",
  "EXECUTE p USING @app_user_id",
  "EXECUTE IMMEDIATE 'SET @app_user_id = ''user_bob'''",
  "BEGIN NOT ATOMIC SET @app_user_id = 'user_bob'; END",
  "CALL become('user_bob')",
  "DO @app_user_id := 'user_bob'",
  "/*!50000 SET @app_user_id = 'user_bob' */",
  "SELECT /*! @app_user_id := 'user_bob', */ id FROM notes",
  "SELECT /*M! @app_user_id := 'user_bob', */ id FROM notes",
  "SELECT * FROM identity.everything",
  "HANDLER notes OPEN",
  "LOAD DATA INFILE 'x' INTO TABLE notes (@app_user_id)",
  "GRANT SELECT ON identity.everything TO reader",
  "FLUSH PRIVILEGES",
];

/** Statements that would run for another person or role, or lift what keeps rows apart. None may reach PostgreSQL. */
export const IDENTITY_OF_POSTGRESQL: readonly Attempt[] = [
  ...combine("identity in an expression", PLACES, CALLS_OF_POSTGRESQL),
  ...each("identity by a statement", WHOLE_OF_POSTGRESQL),
];

/** As {@link IDENTITY_OF_POSTGRESQL}, for MySQL and MariaDB. */
export const IDENTITY_OF_MYSQL: readonly Attempt[] = [
  ...combine("identity in an expression", PLACES, CALLS_OF_MYSQL),
  ...each("identity by a statement", WHOLE_OF_MYSQL),
];
