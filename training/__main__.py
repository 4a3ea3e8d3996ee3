"""``python -m training``: run a recipe, pre-train alone, evaluate a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nlp_service.errors import ServiceError
from training import corpora

ROOT = Path(__file__).resolve().parent.parent
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

Data = Annotated[Path, typer.Option(help="The data folder, with its index.json.")]
Work = Annotated[Path, typer.Option(help="Folder of intermediate files; a stopped run goes on from them.")]
RecipeFile = Annotated[Path, typer.Argument(help="A recipe in TOML.")]


@app.command()
def run(
    recipe: RecipeFile = ROOT / "training" / "recipes" / "fast.toml",
    data: Data = corpora.DATA,
    work: Work | None = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the artefact; models/NAME unless given.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of the training; 0 for all cores.")] = 0,
) -> None:
    """Train, calibrate and export the model of a recipe, from data to artefact."""
    import torch

    from training import recipe as recipes
    from training import run as steps

    if threads:
        torch.set_num_threads(threads)
    plan = recipes.load(recipe)
    steps.run(plan, data, work or ROOT / "work" / plan.name, out or ROOT / "models" / plan.name)


@app.command()
def pretrain(
    recipe: RecipeFile = ROOT / "training" / "recipes" / "fast.toml",
    data: Data = corpora.DATA,
    work: Work | None = None,
    threads: Annotated[int, typer.Option(help="Threads of the training; 0 for all cores.")] = 0,
) -> None:
    """Pre-train the encoder of a recipe and stop there."""
    import torch

    from training import pretrain as step
    from training import recipe as recipes

    if threads:
        torch.set_num_threads(threads)
    plan = recipes.load(recipe)
    step.pretrain(data, work or ROOT / "work" / plan.name, plan.pretrain)


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="A tier, or the folder of an artefact.")] = "fast",
    data: Data = corpora.DATA,
    split: Annotated[str, typer.Option(help="dev, or test: the part cut from train, to be touched once.")] = "dev",
    rounds: Annotated[int, typer.Option(help="Resamples for the intervals.")] = 1000,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a table of a model card.")] = False,
) -> None:
    """Measure a model on annotated messages that it has not learnt from."""
    from training import evaluate as steps
    from training import examples

    if split not in ("dev", "test"):
        raise typer.BadParameter("the split is dev or test", param_hint="--split")
    analyser = steps.load(model, ROOT / "models")
    path = data / "gold" / "dev.jsonl.gz"
    messages = examples.gold(path) if split == "dev" else examples.split(data).test
    figures = steps.evaluate(analyser, messages, rounds=rounds)
    if markdown:
        print(steps.markdown(figures))
    else:
        steps.show(figures, title=f"{analyser.version} on gold {split}", as_json=json)


def main() -> None:
    """Run the command line; an error that was foreseen is one line and the exit code 3."""
    try:
        app()
    except (ServiceError, FileNotFoundError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(3) from error


main()
