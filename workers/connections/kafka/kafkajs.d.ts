declare module "kafkajs/src/cluster/index.js";
declare module "kafkajs/src/loggers/index.js";
declare module "kafkajs/src/network/connection.js";
declare module "kafkajs/src/network/connectionPool.js";
declare module "kafkajs/src/network/socketFactory.js";
declare module "kafkajs/src/producer/partitioners/default/index.js";
declare module "kafkajs/src/protocol/decoder.js";
declare module "kafkajs/src/protocol/requests/index.js";
