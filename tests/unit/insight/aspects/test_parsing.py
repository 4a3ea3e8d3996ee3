from __future__ import annotations

from pathlib import Path

import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.aspects.parsing import read
from nlp_service.insight.aspects.taxonomy import Taxonomy

HEAD = '[industries.a]\ntitle = "甲业"\n\n[[industries.a.nodes]]\ncategory = "x/y"\ntarget = "甲物"\n'


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput) as caught:
        Taxonomy.load(path)
    assert caught.value.param == "taxonomy"
    return caught.value.message.removeprefix(f"taxonomy {path}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + 'synonyms = "乙"\n', ", line 7: industries.a.nodes[0].synonyms must be a list of texts"),
        (HEAD + 'synonyms = ["乙", ""]\n', ", line 7: industries.a.nodes[0].synonyms must be a list of texts"),
        (
            HEAD + 'synonyms = ["乙", "\\u200b"]\n',
            ", line 7: industries.a.nodes[0].synonyms[1] has nothing that is read",
        ),
        (
            HEAD + '\ncomplaints = ["乙("]\n',
            ", line 8: industries.a.nodes[0].complaints[0] is not a regular expression",
        ),
        (HEAD + 'praises = ["乙?"]\n', ", line 7: industries.a.nodes[0].praises[0] matches nothing at all"),
        (HEAD + "words = 1\n", ", line 7: industries.a.nodes[0].words is not known; there are category"),
        (HEAD + "only = 1\n", ", line 7: industries.a.nodes[0].only must be true or false"),
        (HEAD.replace("x/y", "x//y"), ", line 5: industries.a.nodes[0].category has an empty part"),
        (HEAD.replace('"甲物"', "3"), ", line 6: industries.a.nodes[0].target must be a text"),
        (HEAD.replace("甲物", "甲" * 33), ", line 6: industries.a.nodes[0].target has more than 32 characters"),
        (HEAD + HEAD.partition("\n\n")[2], ", line 7: industries.a has two nodes with the target '甲物'"),
        (
            HEAD + 'synonyms = ["乙"]\n[[industries.a.nodes]]\ncategory = "z"\ntarget = "丙物"\nsynonyms = ["乙"]\n',
            ", line 11: industries.a has '乙' under '甲物' and under '丙物'",
        ),
        (HEAD.replace('category = "x/y"\n', ""), ", line 4: industries.a: '甲物' is new and has no category"),
        (HEAD + "remove = true\n", ", line 4: industries.a: '甲物' is not there to be removed"),
        ("[industry.a]\n", ", line 1: industry is not known; a taxonomy holds"),
        ("[industries.a]\nname = 1\n", ", line 1: industries.a.name is not known; there are nodes, title, use"),
        ("[industries.a]\nuse = 1\n", ", line 1: industries.a.use must be true or false"),
        ("[industries.a\n", ": Expected ']' at the end of a table declaration (at line 1, column 14)"),
        ('industries = {a = {nodes = [{target = "甲"}, {}]}}', ": industries.a.nodes[1].target must be a text"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text).startswith(message)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.toml: No such file"):
        read(tmp_path / "nowhere.toml")


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(HEAD.encode("gbk"))
    with pytest.raises(BadInput, match="not UTF-8"):
        read(path)


def test_words_and_expressions_are_kept_as_the_normaliser_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + 'synonyms = ["ＡＢ 測試"]\ncomplaints = ["（APP\\\\S+）測"]\n', "utf-8")
    node = read(path).changes[0].node
    assert node.synonyms == ("ab测试",)
    assert node.complaints[0].fullmatch("(app啊啊)测")
