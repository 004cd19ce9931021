"""From a document to its page."""

from __future__ import annotations

from mdshift.report.page import Document, Page


def page(document: Document) -> Page:
    """The page of any document that mdshift writes, by its `schema`."""
    from mdshift.report.pages import adaptation, diagnosis, evaluation, others, recommendation

    makers = {
        "diagnosis": diagnosis.page,
        "recommendation": recommendation.page,
        "adaptation": adaptation.page,
        "rehearsal": adaptation.rehearsal,
        "evaluation": evaluation.page,
        "runs": others.runs,
        "doctor": others.doctor,
        "manual": others.manual,
    }
    return makers[document["schema"].removeprefix("mdshift.").split("/")[0]](document)
