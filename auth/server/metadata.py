"""Metadata: what the authorization server (RFC 8414) and the API as its protected resource (RFC 9728) say of themselves."""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import rfc8414, rfc9207  # type: ignore[import-untyped]

from auth.keys import ALGORITHM
from auth.server.authority import ACRS, Authority, Endpoint

__all__ = ["authorization_server", "authorization_server_path", "protected_resource", "protected_resource_path"]

CONFIDENTIAL_METHODS = ["client_secret_basic", "client_secret_post"]
METHODS = ["none", *CONFIDENTIAL_METHODS]


def authorization_server(authority: Authority) -> dict[str, Any]:
    """The document under `authorization_server_path`."""
    document = {
        "issuer": authority.issuer,
        "authorization_endpoint": authority.url(Endpoint.AUTHORIZATION),
        "token_endpoint": authority.url(Endpoint.TOKEN),
        "pushed_authorization_request_endpoint": authority.url(Endpoint.PUSHED),
        "authorization_challenge_endpoint": authority.url(Endpoint.CHALLENGE),
        "revocation_endpoint": authority.url(Endpoint.REVOCATION),
        "introspection_endpoint": authority.url(Endpoint.INTROSPECTION),
        "jwks_uri": authority.url(Endpoint.KEYS),
        "scopes_supported": list(authority.scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL_METHODS,
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": [ALGORITHM],
        "acr_values_supported": list(ACRS),
        "protected_resources": [authority.resource],
    }
    rfc8414.AuthorizationServerMetadata(document).validate(metadata_classes=[rfc9207.AuthorizationServerMetadata])
    return document


def authorization_server_path(authority: Authority) -> str:
    return str(rfc8414.get_well_known_url(authority.issuer))


def protected_resource(authority: Authority) -> dict[str, Any]:
    """The document under `protected_resource_path`."""
    return {
        "resource": authority.resource,
        "authorization_servers": [authority.issuer],
        "scopes_supported": list(authority.scopes),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": [ALGORITHM],
        "dpop_bound_access_tokens_required": True,
    }


def protected_resource_path(authority: Authority) -> str:
    return str(rfc8414.get_well_known_url(authority.resource, suffix="oauth-protected-resource"))
