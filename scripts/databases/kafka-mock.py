"""Serves a Kafka cluster in memory, from the mock of librdkafka, until standard input ends. Prints its address."""

import ctypes
import sys

lib = ctypes.CDLL("librdkafka.so.1")
for name in ("rd_kafka_new", "rd_kafka_conf_new", "rd_kafka_mock_cluster_new"):
    getattr(lib, name).restype = ctypes.c_void_p
lib.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
lib.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
lib.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
lib.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p

PRODUCER = 0
handle = lib.rd_kafka_new(PRODUCER, ctypes.c_void_p(lib.rd_kafka_conf_new()), ctypes.create_string_buffer(512), 512)
cluster = lib.rd_kafka_mock_cluster_new(handle, 1)
for topic in sys.argv[1:]:
    lib.rd_kafka_mock_topic_create(cluster, topic.encode(), 3, 1)
print(lib.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
sys.stdin.read()
