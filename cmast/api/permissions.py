"""Who may call at all. Which rows they see and change is decided by the querysets."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from cmast.models import ApiToken


class IsMember(BasePermission):
    """Signed in, with a current role; writing needs a token that may write and a role that writes such records."""

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if not user.is_authenticated or not user.reach.is_member:
            return False
        if request.method in SAFE_METHODS:
            return True
        if isinstance(request.auth, ApiToken) and request.auth.scope != ApiToken.Scope.WRITE:
            return False
        model = getattr(getattr(view, "queryset", None), "model", None)
        return model is None or not hasattr(model, "writers") or user.reach.may_write(model)
