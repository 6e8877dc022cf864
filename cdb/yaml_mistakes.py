"""What a YAML parser complains of, in words that say what to write instead. Pure."""

from __future__ import annotations

import yaml


class YamlMistake(Exception):
    """The text is not YAML, or YAML beyond what configuration needs."""

    def __init__(self, line: int, text: str, remedy: str) -> None:
        self.line, self.text, self.remedy = line, text, remedy
        super().__init__(text)


def syntax_mistake(error: yaml.MarkedYAMLError, text: str) -> YamlMistake:
    """The parser's error at the line that has to be changed: where a quote or bracket was opened, rather than where the text ended."""
    lines = text.splitlines() or [""]
    at, opened = _place(error.problem_mark or error.context_mark, lines), _place(error.context_mark, lines)
    problem, context = error.problem or error.context or "", error.context or ""
    line, column = at
    written = lines[line - 1]
    if "\t" in written[: len(written) - len(written.lstrip())] or "tab character" in problem:
        return YamlMistake(line, "not YAML: a tab is used for indentation", "use spaces")
    if "unknown escape character" in problem:
        return YamlMistake(line, "not YAML: a backslash within double quotes", "use single quotes, or write \\\\")
    if "quoted scalar" in context:
        return YamlMistake(opened[0], "not YAML: a quote is opened and not closed", "close it, or remove it")
    if "cannot start any token" in problem:
        found = written[column : column + 1]
        return YamlMistake(line, f"not YAML: a value begins with {found}", f"quote the value: write '{written[column:].strip()}'")
    if "flow" in context:
        what, remedy = (
            f"not YAML: the bracket opened in line {opened[0]} is not closed here",
            "close it, or look for a missing comma or quote",
        )
        return YamlMistake(line, what, remedy)
    if "mapping values are not allowed" in problem:
        what = "not YAML: a colon where no key can be"
        return YamlMistake(line, what, "indent it like its neighbours, end the key above with a colon and a blank, or quote it")
    if "could not find expected ':'" in problem:
        return YamlMistake(opened[0], "not YAML: a key without a colon", "write key: value")
    if "block mapping" in context and written[:column].strip():
        return YamlMistake(line, "not YAML: something follows the end of a value", "quote all of the value, or remove the rest")
    if "block mapping" in context or "block collection" in context:
        return YamlMistake(line, "not YAML: this line fits to no line above", "indent it like its neighbours, with spaces")
    return YamlMistake(line, f"not YAML: {problem}", "look for a missing quote, bracket or colon, or a tab")


def _place(mark: yaml.Mark | None, lines: list[str]) -> tuple[int, int]:
    """Line from 1 on, and column from 0 on; the last line for the end of the text."""
    return (min(mark.line + 1, len(lines)), mark.column) if mark is not None else (1, 0)
