"""The subscription services of one server, in the shape asyncua's sessions call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.uaprotocol_auto import DataChangeFilter  # what the decoder makes; ua.DataChangeFilter derives from it

from kernel.clock import Clock
from simulator.blocks import Block, Wire
from simulator.opcua.items import TRIGGER_VALUE, ItemSpec
from simulator.opcua.space import ComputedSpace
from simulator.opcua.stack import node_id, status_code
from simulator.opcua.subscription import Sampled, Subscription

FASTEST = 50.0
"""Milliseconds: the shortest publishing interval granted."""
MOST_SUBSCRIPTIONS = 500
MOST_NOTIFICATIONS = 20_000
LONGEST_QUEUE = 1_000
LIFETIME, KEEP_ALIVE = 15_000, 5_000
NUMERIC = (Wire.DOUBLE, Wire.INT64, Wire.UINT32)


class SubscriptionServices:
    """Stands in for asyncua.server.subscription_service.SubscriptionService: same methods, bulk work."""

    def __init__(self, space: ComputedSpace, clock: Clock) -> None:
        self.space = space
        self.clock = clock
        self.subscriptions: dict[int, Subscription] = {}
        self._last_id = 77
        self._last_item = 111

    # ---- driven by the schedule

    def on_scan(self, blocks: list[Block]) -> None:
        """Tells every subscription of new values."""
        for sub in self.subscriptions.values():
            sub.on_scan(blocks)

    async def publish_due(self, now: int) -> None:
        """Publishes what is due; forgets subscriptions whose client is gone."""
        for sub in [s for s in self.subscriptions.values() if s.due <= now]:
            await sub.publish_due(now)
            if sub.expired:
                self.subscriptions.pop(sub.data.SubscriptionId, None)

    def next_due(self) -> int | None:
        """The earliest publishing moment."""
        return min((s.due for s in self.subscriptions.values()), default=None)

    # ---- subscriptions

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Callable[..., Any],
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        """Publishing moments lie on a common grid, so that all subscriptions of one interval are served in one go."""
        if len(self.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
        self._last_id += 1
        data = ua.CreateSubscriptionResult()
        data.SubscriptionId = self._last_id
        data.RevisedPublishingInterval = max(FASTEST, params.RequestedPublishingInterval)
        data.RevisedMaxKeepAliveCount = min(params.RequestedMaxKeepAliveCount or KEEP_ALIVE, KEEP_ALIVE)
        data.RevisedLifetimeCount = max(min(params.RequestedLifetimeCount or LIFETIME, LIFETIME), 3 * data.RevisedMaxKeepAliveCount)
        sub = Subscription(
            data,
            session_id,
            callback,
            request_callback or (lambda _: None),
            self.clock,
            self.space.read_attribute_value,
            bool(params.PublishingEnabled),
            min(params.MaxNotificationsPerPublish or MOST_NOTIFICATIONS, MOST_NOTIFICATIONS),
        )
        sub.due = (self.clock.now() // sub.interval + 1) * sub.interval
        self.subscriptions[self._last_id] = sub
        return data

    def _find(self, subscription: int) -> Subscription:
        sub = self.subscriptions.get(subscription)
        if sub is None:
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
        return sub

    def modify_subscription(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        """Takes a new publishing interval, keep-alive and lifetime."""
        sub = self._find(params.SubscriptionId)
        data, result = sub.data, ua.ModifySubscriptionResult()
        data.RevisedPublishingInterval = max(FASTEST, params.RequestedPublishingInterval)
        data.RevisedMaxKeepAliveCount = min(params.RequestedMaxKeepAliveCount or KEEP_ALIVE, KEEP_ALIVE)
        data.RevisedLifetimeCount = max(min(params.RequestedLifetimeCount or LIFETIME, LIFETIME), 3 * data.RevisedMaxKeepAliveCount)
        sub.limit = min(params.MaxNotificationsPerPublish or MOST_NOTIFICATIONS, MOST_NOTIFICATIONS)
        sub.due = (self.clock.now() // sub.interval + 1) * sub.interval
        result.RevisedPublishingInterval = data.RevisedPublishingInterval
        result.RevisedMaxKeepAliveCount = data.RevisedMaxKeepAliveCount
        result.RevisedLifetimeCount = data.RevisedLifetimeCount
        return result

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        """One result per id."""
        return [_good(self.subscriptions.pop(i, None) is not None, ua.StatusCodes.BadSubscriptionIdInvalid) for i in ids]

    async def set_publishing_mode(self, params: ua.SetPublishingModeParameters) -> list[ua.StatusCode]:
        """Publishing on or off; samples go on waiting."""
        results = []
        for i in params.SubscriptionIds:
            sub = self.subscriptions.get(i)
            if sub is not None:
                sub.enabled = bool(params.PublishingEnabled)
            results.append(_good(sub is not None, ua.StatusCodes.BadSubscriptionIdInvalid))
        return results

    def publish(self, acks: Iterable[ua.SubscriptionAcknowledgement]) -> tuple[int, list[ua.StatusCode]]:
        """Takes acknowledgements; gives the number of subscriptions, from which asyncua limits waiting requests."""
        if not self.subscriptions:
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        results = []
        for ack in acks:
            sub = self.subscriptions.get(ack.SubscriptionId)
            if sub is None:
                results.append(status_code(ua.StatusCodes.BadSubscriptionIdInvalid))
            else:
                results.append(_good(sub.acknowledge(ack.SequenceNumber), ua.StatusCodes.BadSequenceNumberUnknown))
        return len(self.subscriptions), results

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        """Raises BadMessageNotAvailable when the message is not kept any more."""
        message = self._find(params.SubscriptionId).republish(params.RetransmitSequenceNumber)
        if message is None:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return message

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, session_id: ua.NodeId, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        """Subscriptions go to another session, with what waits in them."""
        results = []
        for i in params.SubscriptionIds:
            result, sub = ua.TransferResult(), self.subscriptions.get(i)
            if sub is None:
                result.StatusCode = status_code(ua.StatusCodes.BadSubscriptionIdInvalid)
            else:
                sub.session_id, sub.pub_result_callback = session_id, callback
                sub.pub_request_callback = callback.__self__.get_publish_request  # type: ignore[attr-defined]
                result.AvailableSequenceNumbers = list(sub.unacknowledged)
            results.append(result)
        return results

    # ---- monitored items

    async def create_monitored_items(self, params: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
        """One result per item: a bad one never costs the others."""
        sub = self._find(params.SubscriptionId)
        found: dict[int, tuple[Block, list[ItemSpec]]] = {}
        results = []
        for request in params.ItemsToCreate:
            item, wanted = request.ItemToMonitor, request.RequestedParameters
            place = self.space.place(item.NodeId) if item.AttributeId == ua.AttributeIds.Value else None
            self._last_item += 1
            if place is None:
                results.append(self._create_other(sub, request))
                continue
            result, spec = self._spec(self._last_item, *place, wanted, request.MonitoringMode)
            results.append(result)
            if spec is not None:
                found.setdefault(id(place[0]), (place[0], []))[1].append(spec)
        for block, specs in found.values():
            sub.add(block, specs)
        return results

    def _spec(
        self, number: int, block: Block, position: int, wanted: ua.MonitoringParameters, mode: ua.MonitoringMode
    ) -> tuple[ua.MonitoredItemCreateResult, ItemSpec | None]:
        result = ua.MonitoredItemCreateResult()
        deadband, trigger, bad = self._filter(block, position, wanted.Filter)
        if bad is not None:
            result.StatusCode = status_code(bad)
            return result, None
        interval = max(block.period, round(max(0.0, wanted.SamplingInterval) * 1000))
        queue = min(max(1, wanted.QueueSize), LONGEST_QUEUE)
        result.MonitoredItemId, result.RevisedQueueSize, result.RevisedSamplingInterval = number, queue, interval / 1000
        reporting = mode == ua.MonitoringMode.Reporting
        return result, ItemSpec(number, position, wanted.ClientHandle, interval, deadband, trigger, queue, reporting)

    def _filter(self, block: Block, position: int, wanted: Any) -> tuple[float, int, int | None]:
        """Absolute deadband, trigger, and a status code when the filter cannot be honoured."""
        if not isinstance(wanted, DataChangeFilter):
            bad = None if wanted is None or _is_null(wanted) else ua.StatusCodes.BadMonitoredItemFilterUnsupported
            return 0.0, TRIGGER_VALUE, bad
        if wanted.DeadbandType == ua.DeadbandType.None_:
            return 0.0, int(wanted.Trigger), None
        if block.wire not in NUMERIC or wanted.DeadbandValue < 0:
            return 0.0, TRIGGER_VALUE, ua.StatusCodes.BadFilterNotAllowed
        if wanted.DeadbandType == ua.DeadbandType.Absolute:
            return wanted.DeadbandValue, int(wanted.Trigger), None
        span = block.points[position].type.range
        if span is None:
            return 0.0, TRIGGER_VALUE, ua.StatusCodes.BadFilterNotAllowed
        if wanted.DeadbandValue > 100:
            return 0.0, TRIGGER_VALUE, ua.StatusCodes.BadDeadbandFilterInvalid
        return (span[1] - span[0]) * wanted.DeadbandValue / 100, int(wanted.Trigger), None

    def _create_other(self, sub: Subscription, request: ua.MonitoredItemCreateRequest) -> ua.MonitoredItemCreateResult:
        result, item = ua.MonitoredItemCreateResult(), request.ItemToMonitor
        value = self.space.read_attribute_value(item.NodeId, item.AttributeId)
        status = value.StatusCode
        if status is not None and status.value in (ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadAttributeIdInvalid):
            result.StatusCode = status
            return result
        result.MonitoredItemId = self._last_item
        result.RevisedSamplingInterval, result.RevisedQueueSize = sub.data.RevisedPublishingInterval, 1
        reporting = request.MonitoringMode == ua.MonitoringMode.Reporting and item.AttributeId != ua.AttributeIds.EventNotifier
        sub.add_other(Sampled(self._last_item, item.NodeId, item.AttributeId, request.RequestedParameters.ClientHandle, reporting))
        return result

    def modify_monitored_items(self, params: ua.ModifyMonitoredItemsParameters) -> list[ua.MonitoredItemModifyResult]:
        """One result per item."""
        sub = self._find(params.SubscriptionId)
        return [self._modify(sub, change) for change in params.ItemsToModify]

    def _modify(self, sub: Subscription, change: ua.MonitoredItemModifyRequest) -> ua.MonitoredItemModifyResult:
        result, place = ua.MonitoredItemModifyResult(), sub.where.get(change.MonitoredItemId)
        if place is None:
            result.StatusCode = status_code(ua.StatusCodes.BadMonitoredItemIdInvalid)
        elif isinstance(place, Sampled):
            place.handle = change.RequestedParameters.ClientHandle
            result.RevisedSamplingInterval, result.RevisedQueueSize = sub.data.RevisedPublishingInterval, 1
        else:
            group, row = place
            now = group.rows[row]
            mode = ua.MonitoringMode.Reporting if now["reporting"] else ua.MonitoringMode.Disabled
            made, spec = self._spec(change.MonitoredItemId, group.block, int(now["position"]), change.RequestedParameters, mode)
            result.StatusCode = made.StatusCode
            if spec is not None:
                group.change(row, spec)
                result.RevisedSamplingInterval, result.RevisedQueueSize = made.RevisedSamplingInterval, made.RevisedQueueSize
        return result

    async def set_monitoring_mode(self, params: ua.SetMonitoringModeParameters) -> list[ua.StatusCode]:
        """Reporting or not: an item that samples without reporting has no trigger here that could report it."""
        sub, on = self._find(params.SubscriptionId), params.MonitoringMode == ua.MonitoringMode.Reporting
        results = []
        for i in params.MonitoredItemIds:
            place = sub.where.get(i)
            if isinstance(place, Sampled):
                place.reporting, place.last = on, place.last if on else None
            elif place is not None:
                group, row = place
                r = group.rows[row]
                spec = ItemSpec(
                    i,
                    int(r["position"]),
                    int(r["handle"]),
                    int(r["interval"]),
                    float(r["deadband"]),
                    int(r["trigger"]),
                    int(r["queue"]),
                    on,
                )
                group.change(row, spec)
            results.append(_good(place is not None, ua.StatusCodes.BadMonitoredItemIdInvalid))
        return results

    def delete_monitored_items(self, params: ua.DeleteMonitoredItemsParameters) -> list[ua.StatusCode]:
        """One result per item."""
        done = self._find(params.SubscriptionId).remove(params.MonitoredItemIds)
        return [_good(ok, ua.StatusCodes.BadMonitoredItemIdInvalid) for ok in done]


def _good(ok: bool, otherwise: int) -> ua.StatusCode:
    return status_code() if ok else status_code(otherwise)


def _is_null(value: Any) -> bool:
    return isinstance(value, ua.ExtensionObject) and value.TypeId == node_id(ua.ObjectIds.Null)
