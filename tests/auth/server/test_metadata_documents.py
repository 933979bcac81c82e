"""What clients read before they talk to the bank."""

from dataclasses import replace

from auth.server import metadata
from auth.server.authority import Endpoint
from tests.auth.server.parties import AUTHORITY, ISSUER


def test_the_authorization_server_says_what_it_can_do() -> None:
    document = metadata.authorization_server(AUTHORITY)

    assert document["issuer"] == ISSUER
    assert document["authorization_challenge_endpoint"] == f"{ISSUER}/oauth/challenge"
    assert document["pushed_authorization_request_endpoint"] == f"{ISSUER}/oauth/par"
    assert document["dpop_signing_alg_values_supported"] == ["ES256"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["response_types_supported"] == ["code"]
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]


def test_every_endpoint_is_at_the_issuer_and_is_told() -> None:
    document = metadata.authorization_server(AUTHORITY)
    told = {value for name, value in document.items() if name.endswith("_endpoint") or name == "jwks_uri"}

    assert told == {AUTHORITY.url(endpoint) for endpoint in Endpoint}


def test_the_api_says_where_its_tokens_come_from() -> None:
    assert metadata.protected_resource(AUTHORITY) == {
        "resource": f"{ISSUER}/graphql",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["accounts", "payments", "cards"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "dpop_bound_access_tokens_required": True,
    }


def test_documents_stand_where_clients_look_for_them() -> None:
    assert metadata.authorization_server_path(AUTHORITY) == "/.well-known/oauth-authorization-server"
    assert metadata.authorization_server_path(replace(AUTHORITY, issuer=f"{ISSUER}/retail")) == "/.well-known/oauth-authorization-server/retail"
    assert metadata.protected_resource_path(AUTHORITY) == "/.well-known/oauth-protected-resource/graphql"
