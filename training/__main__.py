"""``python -m training``: run a recipe, pre-train alone, evaluate a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from nlp_service.errors import ServiceError
from training import corpora
from training.scoreboard import Scoreboard

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
    labels: Annotated[Path | None, typer.Option(help="Corrections to learn from: export labels.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of the training; 0 for all cores.")] = 0,
) -> None:
    """Train, calibrate and export the model of a recipe, from data to artefact."""
    from training import corrections
    from training import recipe as recipes
    from training import run as steps

    _prepare(threads)
    plan = recipes.load(recipe)
    folder = work or ROOT / "work" / plan.name
    if labels is not None and work is None:
        folder = corrections.folder_for(labels, folder)
    steps.run(plan, data, folder, out or ROOT / "models" / plan.name, labels)


@app.command()
def adapt(
    labels: Annotated[Path, typer.Option(help="Corrections: what `nlp-service export labels` writes.")],
    replay: Annotated[Path, typer.Option(help="Messages as they come: what `nlp-service export messages` writes.")],
    out: Annotated[Path, typer.Option(help="Folder of the adapted model; must not be there.")],
    model: Annotated[str, typer.Option(help="The model to begin with: a tier, or its folder.")] = "fast",
    check: Annotated[Path | None, typer.Option(help="Labels that are not learnt from, to measure on.")] = None,
    data: Annotated[Path, typer.Option(help="The data folder, where there is one.")] = corpora.DATA,
    threads: Annotated[int, typer.Option(help="Threads; 0 for all cores.")] = 0,
) -> None:
    """Let a released model learn from corrections, in minutes and without its corpus; refused if it gets worse."""
    from training import adapt as step
    from training import evaluate as steps

    _prepare(threads)
    step.adapt(steps.folder(model, ROOT / "models"), labels, replay, out, checked=check, data=data)


@app.command()
def pretrain(
    recipe: RecipeFile = ROOT / "training" / "recipes" / "fast.toml",
    data: Data = corpora.DATA,
    work: Work | None = None,
    minutes: Annotated[float, typer.Option(min=0, help="Stop before so many; 0 for the recipe's tokens.")] = 0,
    schedule_minutes: Annotated[float, typer.Option(min=0, help="Of all runs together; 0 for one run.")] = 0,
    measure: Annotated[bool, typer.Option("--dry-run", help="Say how fast it goes and stop.")] = False,
    threads: Annotated[int, typer.Option(help="Threads of the training; 0 for all cores.")] = 0,
) -> None:
    """Pre-train the encoder of a recipe and stop there."""
    from training import pretrain as step
    from training import recipe as recipes
    from training.pretrain import budget, loop

    _prepare(threads)
    plan = recipes.load(recipe)
    folder = work or ROOT / "work" / plan.name
    time = budget.Budget.minutes(minutes, schedule_minutes) if minutes else None
    step.prepare(data, folder, plan.pretrain)
    if measure:
        loop.dry_run(folder, plan.pretrain, time)
    else:
        step.begin(folder, plan.pretrain, budget=time)


@app.command()
def shards(
    work: Annotated[Path, typer.Option(help="Folder of a recipe whose tokens are prepared.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    max_mb: Annotated[float, typer.Option(min=0.01, help="Megabytes of a file at the most.")] = 45.0,
    total_mb: Annotated[float, typer.Option(min=0, help="Of all together; 0 for no limit.")] = 0.0,
) -> None:
    """Pack the tokens of pre-training for a machine that has none."""
    from training.pretrain import shards as step

    manifest = step.write(work, out, max_mb=max_mb, total_mb=total_mb)
    size_mb = sum(entry["bytes"] for entry in (*manifest["shards"], manifest["vocabulary"])) / 1e6
    print(f"{manifest['units']} of {manifest['units_of_all']} units in {size_mb:.1f} MB")


@app.command()
def join(
    parts: Annotated[Path, typer.Argument(help="Folder of the parts that a lent machine left.")],
    work: Annotated[Path | None, typer.Option(help="Folder for encoder.pt; that of the parts unless given.")] = None,
) -> None:
    """Make encoder.pt and its vocabulary of weights that came in parts."""
    from training.pretrain import parts as step

    shape = step.join(parts, work or parts)
    print(f"{work or parts}: {shape.width} wide, {len(shape.dilations)} layers")


@app.command()
def mix(
    other: Annotated[Path, typer.Argument(help="classifier.pt of another student that began as the same teacher.")],
    share: Annotated[float, typer.Option(help="What it counts.")] = 0.5,
    recipe: Annotated[Path, typer.Option(help="The recipe of both.")] = ROOT / "training" / "recipes" / "fast.toml",
    data: Data = corpora.DATA,
    work: Work | None = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the artefact; models/NAME unless given.")] = None,
) -> None:
    """Export the mean of the weights of two students."""
    from training import recipe as recipes
    from training import run as steps

    _prepare(0)
    plan = recipes.load(recipe)
    folder = work or ROOT / "work" / plan.name
    steps.mix(plan, data, folder, other, share, out or ROOT / "models" / plan.name)


@app.command()
def heads(
    encoder: Annotated[str, typer.Option(help="Folder or hub id of a Hugging Face checkpoint.")],
    out: Annotated[Path, typer.Option(help="Folder of the artefact.")],
    data: Data = corpora.DATA,
    limit: Annotated[int, typer.Option(min=0, help="Messages of each split at the most; 0 for all.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the encoder and of the fit.")] = 1,
) -> None:
    """Fit heads on the vectors of somebody else's encoder, and print what they give on gold dev."""
    from training import heads as step

    _prepare(threads)
    step.make(encoder, data, out, limit=limit, threads=threads)


@app.command()
def search(
    data: Data = corpora.DATA,
    work: Annotated[Path, typer.Option(help="Folder of word vectors; made when they are not there.")] = ROOT
    / "work"
    / "search",
    out: Annotated[Path, typer.Option(help="Folder of the artefact.")] = ROOT / "models" / "search",
    model: Annotated[Path, typer.Option(help="Folder of the model that tells what questions are for.")] = ROOT
    / "models"
    / "fast",
    threads: Annotated[int, typer.Option(help="Threads of the training; 0 for all cores.")] = 0,
) -> None:
    """Make the search model of knowledge bases: word vectors, the network over them, the ranker."""
    from training import ranker

    _prepare(threads)
    ranker.write(data, work, out, model)


@app.command()
def search_figures(
    data: Data = corpora.DATA,
    search_model: Annotated[Path, typer.Option(help="Folder of the search model.")] = ROOT / "models" / "search",
    model: Annotated[Path, typer.Option(help="Folder of the model that tells what questions are for.")] = ROOT
    / "models"
    / "fast",
) -> None:
    """Measure the search model on bases that nothing learnt from."""
    from training import searchfigures

    for name, figure, value, plain in searchfigures.measure(data, search_model, model):
        typer.echo(f"{name:12}{figure:40}{value:.3f}" + ("" if plain is None else f"   BM25 {plain:.3f}"))


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="A tier, or the folder of an artefact; unless given fast, or all.")] = "",
    data: Data = corpora.DATA,
    split: Annotated[str, typer.Option(help="dev, or test: the part cut from train, to be touched once.")] = "dev",
    part: Annotated[str, typer.Option(help="encoder or linear: what that part of the model gives alone.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for the intervals.")] = 1000,
    everything: Annotated[bool, typer.Option("--all", help="Every tier and its rivals, on every set.")] = False,
    disguised: Annotated[bool, typer.Option("--robustness", help="On gold dev as spammers and haste write.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw how reliable its probabilities are, as SVG.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads of a model with --all; 0 for all cores.")] = 0,
    work: Annotated[Path, typer.Option(help="Where --all keeps answers for the next run.")] = ROOT / "work" / "compare",
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a table of a document.")] = False,
) -> None:
    """Measure a model on annotated messages that it has not learnt from."""
    if split not in ("dev", "test"):
        raise typer.BadParameter("the split is dev or test", param_hint="--split")
    if part not in ("", "encoder", "linear"):
        raise typer.BadParameter("the part is encoder or linear", param_hint="--part")
    if (everything or disguised) and (part or split == "test"):
        raise typer.BadParameter("it is of whole models on dev", param_hint="--all" if everything else "--robustness")
    if everything:
        board = _compare(model, data, work, rounds=rounds, threads=threads or os.cpu_count() or 1)
        if json or markdown:
            print(board.json() if json else board.markdown())
        else:
            board.show()
        return
    from training import evaluate as steps
    from training import examples

    analyser = steps.load(model or "fast", ROOT / "models")
    if disguised:
        from training import robustness

        print(robustness.main_table(analyser, data, for_machines=json))
        return
    path = data / "gold" / "dev.jsonl.gz"
    messages = examples.gold(path) if split == "dev" else examples.split(data).test
    if plot:
        from training import reliability

        targets = np.stack([message.targets for message in messages])
        chances = analyser.probabilities([message.text for message in messages])
        reliability.draw(chances, targets, plot, title=f"{analyser.version} on gold {split}")
        return
    if part:
        figures = steps.evaluate_part(analyser, messages, part, rounds=rounds)
    else:
        figures = steps.evaluate(analyser, messages, rounds=rounds)
    if markdown:
        print(steps.markdown(figures))
    else:
        title = f"{analyser.version}, {part} alone," if part else analyser.version
        steps.show(figures, title=f"{title} on gold {split}", as_json=json)


@app.command()
def topic_figures(
    data: Data = corpora.DATA,
    search_model: Annotated[Path, typer.Option(help="Folder of the search model.")] = ROOT / "models" / "search",
) -> None:
    """Measure topics on labelled sets read as days, beside k-means."""
    from training import topic_figures as step

    typer.echo(step.markdown(step.measure(data, search_model)))


@app.command()
def insight_figures(
    data: Data = corpora.DATA,
    search_model: Annotated[Path, typer.Option(help="Folder of the search model.")] = ROOT / "models" / "search",
    model: Annotated[Path, typer.Option(help="Folder of the model whose vectors are used.")] = ROOT / "models" / "fast",
) -> None:
    """Group the car complaints as mining does, and by plain k-means, against their 19 classes."""
    from training import insight_figures as step

    for each in step.measure(data, search_model, model):
        typer.echo(
            f"{each.part:12}{each.method:15}{each.groups:4} groups  NMI {each.nmi:.3f}  purity {each.purity:.3f}"
        )


@app.command()
def crisis_figures(
    streams: Annotated[list[Path], typer.Argument(help="Folders with messages.jsonl and truth.jsonl.")],
    model: Annotated[Path, typer.Option(help="Reads streams that have no facts.parquet.")] = ROOT / "models" / "fast",
) -> None:
    """Measure the watch on streams with planted incidents, and a rule of thumb beside it."""
    from training import crisis_figures as step

    for row in step.measure(streams, model):
        typer.echo("   ".join(f"{name} {value}" for name, value in row.items()))


@app.command()
def aspects(
    data: Data = corpora.DATA,
    model: Annotated[Path, typer.Option(help="Folder of the released model to begin with.")] = ROOT / "models" / "fast",
    out: Annotated[Path, typer.Option(help="Folder of the artefact.")] = ROOT / "models" / "aspects",
    work: Annotated[Path, typer.Option(help="Where the weights are kept.")] = ROOT / "work" / "aspects",
    threads: Annotated[int, typer.Option(help="Threads of the training; 0 for all cores.")] = 0,
) -> None:
    """Make the tagger of aspects and opinions."""
    from training import aspects_export

    _prepare(threads)
    aspects_export.make(model, data, out, work=work)


@app.command()
def aspects_figures(
    data: Data = corpora.DATA,
    model: Annotated[Path, typer.Option(help="Folder of the tagger.")] = ROOT / "models" / "aspects",
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Measure the tagger on zhang_aste dev, beside keywords."""
    from training import aspects_figures as figures

    figures.show(model, data, as_json=json)


def _compare(model: str, data: Path, work: Path, *, rounds: int, threads: int) -> Scoreboard:
    """Models and rivals side by side; of the models, the one that is named or else every tier."""
    from training import compare, evaluate

    folder = evaluate.folder(model, ROOT / "models")
    models = {folder.name: folder} if model else compare.find_models(ROOT / "models")
    return compare.compare(data, models, work, rounds=rounds, threads=threads)


def _prepare(threads: int) -> None:
    import torch

    torch.set_flush_denormal(True)  # numbers next to nothing are slow and mean nothing
    if threads:
        torch.set_num_threads(threads)


def main() -> None:
    """Run the command line; an error that was foreseen is one line and the exit code 3."""
    try:
        app()
    except (ServiceError, FileNotFoundError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(3) from error


main()
