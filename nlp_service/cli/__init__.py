"""The command line, ``nlp-service``: one module a command. What a command needs is imported when it runs."""

from __future__ import annotations

import typer

from nlp_service.cli import answering
from nlp_service.cli.analyze import analyze
from nlp_service.cli.bench import bench
from nlp_service.cli.consuming import consume
from nlp_service.cli.doctor import doctor
from nlp_service.cli.export import export
from nlp_service.cli.keys import keys, tenants
from nlp_service.cli.knowledge import kb
from nlp_service.cli.lexicons import lexicon
from nlp_service.cli.messages import import_messages
from nlp_service.cli.mine import mine
from nlp_service.cli.policies import policy
from nlp_service.cli.replay import replay
from nlp_service.cli.reply import reply
from nlp_service.cli.report import report
from nlp_service.cli.serve import serve
from nlp_service.cli.training import PASS_ON, evaluate, train

app = typer.Typer(
    name="nlp-service",
    help="Reads messages of Chinese communities: intent, feeling, crisis risk, abuse, unsafe content, pain points.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # such a traceback shows local variables, and with them the text of users
)
app.command()(serve)
app.command()(analyze)
app.command(context_settings=PASS_ON)(train)
app.command(context_settings=PASS_ON)(evaluate)
app.command()(bench)
app.command()(doctor)
app.command()(reply)
app.command("import")(import_messages)
app.command()(consume)
app.command()(mine)
app.command()(report)
app.command()(replay)
kb.command()(answering.publish)
kb.command()(answering.search)
kb.command()(answering.evaluate)
kb.command()(answering.calibrate)
for group in (kb, lexicon, policy, keys, tenants, export):
    app.add_typer(group)
app.add_typer(keys)
app.add_typer(tenants)


def main() -> None:
    """Run the command that the arguments name; leaves the process with its exit code."""
    app(prog_name="nlp-service")
