"""The root of writing. Every field checks the role, and every call, refused or not, is written to the audit."""

from __future__ import annotations

import strawberry

from hmi_backend.graphql import types_platform as platform
from hmi_backend.graphql import views, write_cdb, write_platform
from hmi_backend.graphql.context import Info
from hmi_backend.graphql.fields import mutation
from hmi_backend.graphql.types_cdb import CdbEdit, CdbPublishResult
from hmi_backend.graphql.types_views import DeleteViewResult, SaveViewResult, ViewInput
from hmi_backend.roles import Role
from schemas.records import CommandVerb


@strawberry.type(description="Everything that changes something. A refusal is a typed result; a missing role or bad usage is an error.")
class Mutation:
    @mutation("Publishes a new revision of the configuration, all or nothing. Role engineer.")
    async def cdb_publish(self, info: Info, changes: list[CdbEdit], base: int, comment: str) -> CdbPublishResult:
        return await write_cdb.publish(info.context, changes, base, comment)

    @mutation("Publishes the documents of an old revision as a new one. Role engineer.")
    async def cdb_rollback(self, info: Info, to: int, comment: str) -> CdbPublishResult:
        return await write_cdb.rollback(info.context, to, comment)

    @mutation("Asks the managers to start, stop or restart something, and waits for the answer. Role operator.")
    async def control(self, info: Info, target: str, verb: CommandVerb, reason: str) -> platform.ControlResult:
        return await write_platform.control(info.context, target, verb, reason)

    @mutation("Adds a user, or changes password and role of one. Role admin.")
    async def user_set(self, info: Info, name: str, role: Role, password: str | None = None) -> platform.UserActionResult:
        return await write_platform.user_set(info.context, name, role, password)

    @mutation("Removes a user and ends the sessions. Role admin.")
    async def user_remove(self, info: Info, name: str) -> platform.UserActionResult:
        return await write_platform.user_remove(info.context, name)

    @mutation("Ends every session of a user: role admin, or your own.")
    async def sessions_end(self, info: Info, user: str) -> platform.UserActionResult:
        return await write_platform.sessions_end(info.context, user)

    @mutation("Keeps a view under a name, or a new version of one of yours. To share it: role operator.")
    async def save_view(self, info: Info, view: ViewInput) -> SaveViewResult:
        return await views.save(info.context, view)

    @mutation("Removes a view of yours with all its versions; a shared one also an admin.")
    async def delete_view(self, info: Info, id: strawberry.ID) -> DeleteViewResult:
        return await views.delete(info.context, id)
