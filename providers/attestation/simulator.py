"""The verification service as a server of its own. A phone's maker is a development root: what it signed over nonce and key is evidence.

Evidence may carry a script, inside what is signed: `fault:basic`, `fault:emulator`, `fault:rooted`, `fault:old-app`, `fault:replayed-nonce`,
`fault:news` (a finding of which nobody told us), `fault:distrusted` (without a finding), `fault:garbled`, `fault:silent`, `fault:server-error`.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from providers.simulators import silence

__all__ = ["create_app", "evidence"]

ALGORITHM = "ES256"
TYPE = "development-attestation+jws"
SOUND = "MEETS_STRONG_INTEGRITY"
INTEGRITY = {
    "fault:basic": "MEETS_DEVICE_INTEGRITY",
    "fault:emulator": "NO_INTEGRITY",
    "fault:rooted": "NO_INTEGRITY",
    "fault:distrusted": "NO_INTEGRITY",
}
FOUND = {
    "fault:emulator": "EMULATOR_DETECTED",
    "fault:rooted": "ROOT_DETECTED",
    "fault:old-app": "APP_OUTDATED",
    "fault:replayed-nonce": "NONCE_REUSED",
    "fault:news": "BOOTLOADER_UNLOCKED",
}


def evidence(root: ECKey, *, nonce: bytes, key_jkt: str, script: str | None = None) -> bytes:
    """What a phone made by `root` would send."""
    claims = {"nonce": base64.b64encode(nonce).decode(), "jkt": key_jkt, "script": script}
    return jws.serialize_compact({"alg": ALGORITHM, "typ": TYPE}, orjson.dumps(claims), root, algorithms=[ALGORITHM]).encode()


def create_app(*, api_key: SecretStr, root: ECKey) -> Starlette:
    """A service that lets in whoever has `api_key`, and trusts the maker whose key is `root`."""
    app = Starlette(routes=[Route("/v1/attestations", attestations, methods=["POST"])])
    app.state.authorization, app.state.root = f"Bearer {api_key.get_secret_value()}", root
    return app


async def attestations(request: Request) -> Response:
    if request.headers.get("authorization") != request.app.state.authorization:
        return JSONResponse({"error": "unauthorized"}, status_code=401)
    asked = await request.json()
    claims = _signed(asked["evidence"], request.app.state.root)
    if claims is None:
        return _told("NO_INTEGRITY", "SIGNATURE_INVALID")
    match claims["script"]:
        case "fault:silent":
            await silence(request)
            return Response()
        case "fault:server-error":
            return PlainTextResponse("Internal Server Error", status_code=500)
        case "fault:garbled":
            return JSONResponse({"integrity": "WHO_KNOWS", "findings": []})
    findings = [FOUND[claims["script"]]] if claims["script"] in FOUND else []
    if claims["nonce"] != asked["nonce"]:
        findings.append("NONCE_MISMATCH")
    if claims["jkt"] != asked["keyThumbprint"]:
        findings.append("KEY_MISMATCH")
    return _told(INTEGRITY.get(claims["script"], SOUND), *findings)


def _signed(text: str, root: ECKey) -> Any:
    """What the development root signed; None where it did not."""
    try:
        signed = jws.deserialize_compact(base64.b64decode(text), root, algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return None
    return orjson.loads(signed.payload) if signed.headers().get("typ") == TYPE else None


def _told(integrity: str, *findings: str) -> Response:
    return JSONResponse({"integrity": integrity, "findings": findings})
