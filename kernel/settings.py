"""Settings: from the environment, `TALLYSTICK_…`; docs/settings.md lists them and a test holds it to this file."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["DEVELOPMENT_KEY_SET", "DEVELOPMENT_SEALING_KEY", "Environment", "Settings"]

# Known to everybody who reads this file: production refuses them.
DEVELOPMENT_SEALING_KEY = "ZGV2ZWxvcG1lbnQtc2VhbGluZy1rZXktMzItYnl0ZXM="
DEVELOPMENT_KEY_SET = "development"


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """One field, one environment variable; the description is its line in docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix="TALLYSTICK_", frozen=True, extra="forbid")

    env: Environment = Field(Environment.DEVELOPMENT, description="development, test or production; production refuses development defaults.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    database_url: str | None = Field(None, description="PostgreSQL 18, as the application's role. Unset: the embedded one under `.local/`.")
    owner_database_url: str | None = Field(
        None, description="The same database as the role that owns the tables; used by `migrate` only. Unset: as `database_url`."
    )
    redis_url: str | None = Field(None, description="Valkey or Redis for sessions. Unset: the embedded one under `.local/`.")
    issuer: str = Field("http://127.0.0.1:8000", description="Issuer of access tokens, their `iss`.")
    audience: str = Field("tallystick", description="Audience of access tokens, their `aud`.")
    key_set: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEY_SET),
        description="JWK set (JSON) with the public keys that access tokens are verified with; `development` is a key made on this machine.",
    )
    sealing_keys: SecretStr = Field(
        SecretStr(DEVELOPMENT_SEALING_KEY),
        description="Keys (base64, 32 bytes each, comma-separated, newest first) that seal quotes, cursors and statement addresses.",
    )
    base_url: str = Field("http://127.0.0.1:8000", description="How clients reach this server; statement addresses start with it.")
    bank_name: str = Field("Tallystick Demo Bank", description="The bank's name, as clients show it.")
    minimum_client_version: str = Field("1.0.0", description="Oldest app version that is served, as `bank.minimumClientVersion` tells it.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    read_connections: int = Field(8, ge=1, description="Pool of PostgreSQL connections for reading.")
    money_connections: int = Field(2, ge=1, description="Pool of PostgreSQL connections for posting and other writes of money.")
    job_connections: int = Field(2, ge=1, description="Pool of PostgreSQL connections for jobs.")
    waiting_requests: int = Field(256, ge=0, description="Requests that may wait for a reading connection; more get 503 at once.")

    @property
    def is_production(self) -> bool:
        return self.env is Environment.PRODUCTION

    @property
    def uses_development_key(self) -> bool:
        """Tokens are signed and verified with a key that was made on this machine."""
        return self.key_set.get_secret_value() == DEVELOPMENT_KEY_SET

    @model_validator(mode="after")
    def _production_has_no_development_defaults(self) -> Self:
        if not self.is_production:
            return self
        left = [
            name
            for name, is_default in (
                ("TALLYSTICK_KEY_SET", self.uses_development_key),
                ("TALLYSTICK_SEALING_KEYS", DEVELOPMENT_SEALING_KEY in self.sealing_keys.get_secret_value()),
                ("TALLYSTICK_DATABASE_URL", self.database_url is None),
                ("TALLYSTICK_REDIS_URL", self.redis_url is None),
                ("TALLYSTICK_ISSUER", self.issuer.startswith("http://")),
                ("TALLYSTICK_BASE_URL", self.base_url.startswith("http://")),
            )
            if is_default
        ]
        if left:
            raise ValueError(f"production needs its own values for {', '.join(left)} (docs/settings.md)")
        return self
