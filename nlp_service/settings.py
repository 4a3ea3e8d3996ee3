"""What the operator decides, read from the environment. The one place that does so.

`read_settings` gives a `Settings`; the parts of the service receive plain values from it.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nlp_service.errors import BadInput

PREFIX = "NLP_"

LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]

Auth = Annotated[
    Literal["keys", "off"], BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
]


def count_cores() -> int:
    """Cores that this process may use: its CPU affinity where the system knows one, else all of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_workers() -> int:
    """One inference process a core, at most 8: beyond that the one HTTP process is what limits."""
    return min(count_cores(), 8)


class Settings(BaseSettings):
    """Settings of the service; each is read from ``NLP_`` and its name, in any case. An empty variable counts as unset.

    Use `read_settings`, which also refuses unknown variables and words errors for people. docs/operations.md lists
    the same fields, and a test compares.

    Attributes:
        host: Address to listen on; only a loopback address or ``localhost`` while the service asks for no keys.
        port: TCP port, 0 for one that the system chooses.
        auth: ``keys`` asks every request for a key; ``off`` lets everybody on this machine do everything.
        model: A tier (``fast``) or the folder of an artefact.
        encoder: Hub id or folder of the checkpoint that the heads in `model` were fitted on; empty for what `model`
            itself names.
        workers: Inference processes, each with a session of one thread.
        queue_messages: Messages that may wait for inference; what comes beyond is answered with 429.
        deadline_s: Time within which a request is answered or given up, in seconds.
        max_messages: Messages in one request.
        max_text: Code points in one text.
        max_body_bytes: Bytes in the body of one request.
        data: Folder for what the service keeps.
        db: URL of the database; empty for an SQLite file in `data`. `database` gives the one that holds.
        public_url: Where people reach the service, for links in notices; empty for none.
        secret_key: What seals the secrets of channels, several of them joined by commas, the newest first; empty for
            one that lies in `data`.
        daily_insights: Whether the last seven full days of every tenant are looked at once a day.
        private_addresses: Whether callbacks and notices may go to addresses that are not public.
        reranker: Hub id or folder of a cross-encoder that ranks the first entries of a search anew; empty for none.
        llm_url: Where OpenAI's chat protocol begins at a language model that may phrase replies; empty for none.
        llm_model: Its name there; goes with `llm_url`.
        llm_key: Sent to it as bearer token; empty where none is needed.
        llm_timeout_s: Time that it has for one reply, in seconds.
        log_level: Least severity that is logged.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    auth: Auth = "keys"
    model: str = Field(default="fast", min_length=1)
    encoder: str = ""
    workers: int = Field(default_factory=default_workers, ge=1, le=64)
    queue_messages: int = Field(default=4096, ge=1)
    deadline_s: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    max_messages: int = Field(default=512, ge=1)
    max_text: int = Field(default=4000, ge=1)
    # 512 messages of 4,000 Chinese characters are 6.1 MB as UTF-8 and 12.3 MB where JSON escapes each (\uXXXX, the
    # default of several libraries); the rest is room for ids, keys and context.
    max_body_bytes: int = Field(default=16 * 2**20, ge=1024)
    data: str = Field(default="data", min_length=1)
    db: str = ""
    public_url: str = Field(default="", pattern=r"^$|^https?://[^\s/]+(/\S*)?$")
    secret_key: SecretStr = SecretStr("")
    private_addresses: bool = False
    daily_insights: bool = True
    reranker: str = ""
    llm_url: str = ""
    llm_model: str = ""
    llm_key: SecretStr = SecretStr("")
    llm_timeout_s: float = Field(default=8.0, gt=0, allow_inf_nan=False)
    log_level: LogLevel = "info"

    @property
    def database(self) -> str:
        """URL, or path of an SQLite file."""
        return self.db or os.path.join(self.data, "nlp_service.db")

    @model_validator(mode="after")
    def _without_keys_only_loopback(self) -> Self:
        if self.auth == "off" and not _is_loopback(self.host):
            raise ValueError("NLP_AUTH=off lets everybody do everything, so NLP_HOST must be loopback (127.0.0.1)")
        return self

    @model_validator(mode="after")
    def _one_request_fits_the_queue(self) -> Self:
        # Otherwise the largest request would get 429 however often it is sent again.
        if self.queue_messages < self.max_messages:
            raise ValueError(
                "NLP_QUEUE_MESSAGES is smaller than NLP_MAX_MESSAGES, so a full request could never be taken"
            )
        return self

    @model_validator(mode="after")
    def _a_language_model_has_both(self) -> Self:
        if bool(self.llm_url) != bool(self.llm_model):
            there, missing = ("URL", "MODEL") if self.llm_url else ("MODEL", "URL")
            raise ValueError(f"NLP_LLM_{missing} is missing: NLP_LLM_{there} alone names no language model")
        return self


def read_settings(**options: str | int | float | None) -> Settings:
    """Read the settings from the environment of the process.

    Args:
        options: Settings by field name, as a command line gives them; they win over the environment. None is not given.

    Raises:
        BadInput: A variable that starts with ``NLP_`` is unknown, or a value is refused. ``param`` names the variable,
            except where two settings do not go together; the message never holds a value.
    """
    _refuse_unknown()
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # checked by the model, like the environment
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    # Raised out here so that the original, which shows the value, is not its context.
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        raise BadInput(message)
    name = PREFIX + "_".join(map(str, first["loc"])).upper()
    raise BadInput(f"{name}: {message}", param=name)


def _refuse_unknown() -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadInput(f"unknown setting {name}{hint}", param=name)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
