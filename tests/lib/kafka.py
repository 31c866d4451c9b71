"""What the tests need of Kafka beyond kcat:

kafka.py BROKER lag GROUP...     prints how many messages consumer groups have not read yet
kafka.py BROKER again TOPIC...   sends every message of topics once more, as it was, and prints how many
"""

from __future__ import annotations

import sys
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

TIMEOUT_S = 10


def lag(broker: str, groups: list[str]) -> int:
    admin = AdminClient({"bootstrap.servers": broker})
    consumer = _consumer(broker)
    asked = [ConsumerGroupTopicPartitions(group) for group in groups]
    read = [admin.list_consumer_group_offsets([group], request_timeout=TIMEOUT_S)[group.group_id].result() for group in asked]
    return sum(
        consumer.get_watermark_offsets(partition, timeout=TIMEOUT_S)[1] - partition.offset
        for group in read
        for partition in group.topic_partitions
        if partition.offset >= 0
    )


def again(broker: str, topics: list[str]) -> int:
    consumer, producer = _consumer(broker), Producer({"bootstrap.servers": broker})
    known = consumer.list_topics(timeout=TIMEOUT_S).topics
    partitions = [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
    count = 0
    for partition in partitions:
        first, end = consumer.get_watermark_offsets(partition, timeout=TIMEOUT_S)
        consumer.assign([TopicPartition(partition.topic, partition.partition, OFFSET_BEGINNING)])
        for _ in range(end - first):
            message = consumer.poll(TIMEOUT_S)
            if message is None:
                raise SystemExit(f"{partition.topic} ends too early")
            producer.produce(
                partition.topic, message.value(), message.key(), partition.partition, headers=message.headers() or []
            )
            count += 1
    producer.flush()
    return count


def _consumer(broker: str) -> Consumer:
    return Consumer({"bootstrap.servers": broker, "group.id": f"tests-{uuid.uuid4()}", "enable.auto.commit": False})


if __name__ == "__main__":
    address, command, *names = sys.argv[1:]
    print({"lag": lag, "again": again}[command](address, names))
