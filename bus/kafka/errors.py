"""What goes wrong between us and the brokers, in words that name the remedy."""

from __future__ import annotations

from typing import Any, Final

from confluent_kafka import KafkaError

from kernel.errors import NotAvailable

REFUSED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)
LOST: Final = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID, KafkaError._FENCED})
"""A commit of a member that the group has given up."""

TELLING: Final = REFUSED | {KafkaError._SSL}
"""What explains why nobody answered."""


def not_available(where: str, error: Any, doing: str) -> NotAvailable:
    """`error` is a KafkaError; others are shown as they are."""
    code = error.code() if isinstance(error, KafkaError) else None
    text = error.str() if isinstance(error, KafkaError) else str(error)
    if code in REFUSED:
        remedy = "check user, password and the cluster's access rules"
    elif code == KafkaError._SSL:
        remedy = "check ca= (who signed the brokers' certificates) and the host names in them"
    elif code in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
        remedy = "check that enough brokers run and are reached at the addresses they advertise"
    elif code == KafkaError.KAFKA_STORAGE_ERROR:
        remedy = "look for a full or broken disk of a broker"
    elif code in (KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND):
        remedy = "too many brokers are gone: bring them back"
    elif code in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
        return NotAvailable(f"bus {where}: closed while {doing}")
    else:
        remedy = "the brokers' logs say more"
    return NotAvailable(f"bus {where}: {doing} failed: {text}; {remedy}")
