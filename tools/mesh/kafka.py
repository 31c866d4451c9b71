"""A private Apache Kafka: one node that is broker and controller (KRaft), on loopback."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from mesh.home import KAFKA_LIBS, Home
from mesh.steps import Problem, Step
from mesh.supervisor import Program

PARTITIONS = 6
READY_S = 60

CONFIG = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# A broker that was killed may come back when its session has ended: 3 s instead of 9. With less, a machine that is busy with
# a build loses sessions.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
"""


class Kafka:
    def __init__(self, home: Home, broker: int, controller: int) -> None:
        self._home = home
        self._folder = home.path / "kafka"
        self._ports = {"broker": broker, "controller": controller}
        self.address = f"127.0.0.1:{broker}"

    def prepare(self, step: Step, log: Path) -> Program:
        """Formats the storage, if there is none yet, and writes the configuration."""
        self._folder.mkdir(exist_ok=True)
        data = self._folder / "data"
        config = self._folder / "server.properties"
        config.write_text(CONFIG.format(data=data, **self._ports))
        if not (data / "meta.properties").exists():
            # 16 bytes in base64, beginning with letters: the tool takes a leading dash for an option.
            cluster_id = base64.urlsafe_b64encode(b"playmesh" + os.urandom(8)).decode().rstrip("=")
            step.run([*_java_command(), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config)], log)
        command = ["setpriv", "--pdeathsig", "TERM", "--", *_java_command(), "kafka.Kafka", str(config)]
        return Program("kafka", command, depends_on=(config,), directory=self._folder)

    def wait_until_ready(self) -> None:
        admin = self._admin()
        deadline = time.monotonic() + READY_S
        while True:
            try:
                admin.list_topics(timeout=0.5)  # short, because Ctrl-C waits for it
                return
            except KafkaException as error:
                if time.monotonic() > deadline:
                    log = self._home.logs / "kafka.log"
                    raise Problem(f"Kafka is not ready after {READY_S} s: {error}", log=log) from error

    def create_topics(self, services: list[str]) -> None:
        """The topic of each service; those that are there stay as they are."""
        admin = self._admin()  # must outlive the answers
        topics = [NewTopic(f"playmesh.{service}.v1", PARTITIONS, replication_factor=1) for service in services]
        for topic, created in admin.create_topics(topics).items() if topics else ():
            try:
                created.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise Problem(f"cannot create topic {topic}: {error}", log=self._home.logs / "kafka.log") from error

    def _admin(self) -> AdminClient:
        # Silent about refused connections: the broker is starting.
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 200})


def _java_command() -> list[str]:
    # 256 MB are enough for a development broker; the serial collector starts fastest.
    return [
        "java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=160m", "-Xss512k", "-Xshare:auto",
        "-Djava.awt.headless=true", f"-Dlog4j2.configurationFile=file:{Path(__file__).with_name('log4j2.properties')}",
        "-cp", f"{KAFKA_LIBS}/*",
    ]
