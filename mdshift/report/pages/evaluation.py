"""The page of an evaluation."""

from __future__ import annotations

from mdshift.report.charts import curves
from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.pages import parts
from mdshift.report.text import clean, interval, number

MOST_CLASSES = 12


def page(document: Document) -> Page:
    """Main score, other scores, classes, confusion."""
    score = document["scores"][0]
    told = f"{score['metric']} {interval(score['value'], score['low'], score['high'])} on {number(document['rows'])} labelled row{'' if document['rows'] == 1 else 's'}"
    lacking = document["unlabelled"]
    left = f"; {number(lacking)} without a label {'was' if lacking == 1 else 'were'} left out" if lacking else ""
    verdict = [f"{told[0].upper()}{told[1:]}{left}."]
    if document["unknown"]:
        verdict.append(f"{number(document['unknown'])} rows have a class that the model does not know; they count as wrong.")
    places = [document["data"].get("model"), document["data"].get("target")]
    last = parts.provenance(document, parts.command("evaluate", places, document))
    sections = [others(document), classes(document), confusion(document), last]
    footer = f"model {clean(document['data'].get('model'), 100)}; data {clean(document['data'].get('target'), 100)}; mdshift {document['mdshift']}"
    return Page("Evaluation", tuple(verdict), tuple(s for s in sections if s is not None), (), footer)


def others(document: Document) -> Section:
    """Every score with its interval, and how well the confidence is calibrated."""
    rows = [(clean(s["metric"].replace("_", " "), 40), interval(s["value"], s["low"], s["high"])) for s in document["scores"]]
    error = document["calibration"].get("ece")
    if error is not None and curves.calibrated(document["calibration"]):
        rows.append(("calibration error", number(error)))
    chart = curves.scatter(document.get("points") or (), "True and predicted", "bar")
    return Section("Scores", (), Table(("score", "value [interval]"), tuple(rows), (1,)), figures=(chart,) if chart else ())


def classes(document: Document) -> Section | None:
    """Precision, recall, F1 and area under the ROC curve of each class."""
    found = document["per_class"]
    if not found:
        return None
    areas = {r["class"]: r["auc"] for r in document["roc"]}
    rows = tuple(
        (
            clean(c["class"], 40),
            number(c["rows"]),
            number(c["predicted"]),
            number(c["precision"]),
            interval(c["recall"], c["recall_low"], c["recall_high"]),
            number(c["f1"]),
            number(areas.get(c["class"])),
        )
        for c in found[:MOST_CLASSES]
    )
    more = len(found) - len(rows)
    headers = ("class", "rows", "predicted", "precision", "recall", "F1", "AUC")
    charts = parts.figures(document["classes"], [("model", "bar", document)])
    return Section("Classes", (), Table(headers, rows, (1, 2, 3, 4, 5, 6)), f"{more} more in the JSON" if more else "", figures=charts)


def confusion(document: Document) -> Section | None:
    """Rows of the truth, columns of the prediction."""
    names, counts = document["classes"], document["confusion"]
    if not names or len(names) > MOST_CLASSES:
        return None
    rows = tuple((clean(n, 20), *(number(v) for v in row)) for n, row in zip(names, counts, strict=True))
    headers = ("true / predicted", *(clean(n, 12) for n in names))
    return Section("Confusion", (), Table(headers, rows, tuple(range(1, len(headers)))))
