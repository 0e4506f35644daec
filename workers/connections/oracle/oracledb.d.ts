declare module "oracledb";
declare module "oracledb/lib/thin/sqlnet/navNodes.js";
declare module "oracledb/lib/thin/sqlnet/networkSession.js";
declare module "oracledb/lib/thin/sqlnet/ntTcp.js";
