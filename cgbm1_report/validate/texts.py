"""What each rule checks, in words: for everybody who reads findings."""

from __future__ import annotations

#: Rule id to what it is about, and what it asks.
RULE_TEXTS: dict[str, tuple[str, str]] = {
    "V01": (
        "known subjects",
        "every subject of every dataset is in DM, and in ADSL once",
    ),
    "V02": (
        "values and dates",
        "datasets, variables and values that must be there are; types, ISO 8601 dates, codelists and letters "
        "are right; VISIT and VISITNUM are one to one; a coded term has one spelling, one code, one preferred term and one class",
    ),
    "V03": (
        "keys",
        "keys are unique, analysis records and values come from the SDTM, no result and no end of study "
        "stands twice, no screening number is two subjects",
    ),
    "V04": (
        "order of dates",
        "consent, enrolment or randomisation, infusions and end of study in this order; no end before its start",
    ),
    "V05": (
        "nothing after death",
        "no record is dated after the death, but for the death itself, its details, a contact that found the "
        "subject dead, and autopsy",
    ),
    "V06": (
        "treatment",
        "arms fit the infusions recorded; a treatment other than planned, at any infusion, is a deviation",
    ),
    "V07": (
        "treatment emergence",
        "TRTEMFL as recomputed from onset and first infusion; never with PREFL",
    ),
    "V08": (
        "baseline",
        "at most one baseline record per subject and parameter, as recomputed; it stands at its visit, and BASE is its value",
    ),
    "V09": (
        "change",
        "CHG is AVAL - BASE and PCHG is 100 x CHG / BASE, or of ABS(BASE) where trial.yaml says so, after the baseline only",
    ),
    "V10": (
        "analysis visits",
        "AVISIT and AVISITN one to one, windows as recomputed, one analysis record per visit",
    ),
    "V11": (
        "times to an event",
        "events and censoring as the dates of death and transplantation say; AVAL is ADT - STARTDT; all times as recomputed",
    ),
    "V12": (
        "death",
        "DM, disposition, contacts, fatal events and DD agree that a subject died, and on which day",
    ),
    "V13": (
        "seriousness",
        "serious events meet a criterion; grade 5, FATAL and AESDTH go together",
    ),
    "V14": (
        "populations",
        "population flags as recomputed; the safety set is who was infused; what excludes from a set is an important deviation",
    ),
    "V15": (
        "CLIF-C OF",
        "sub-scores within their range that add up to the total, as recomputed",
    ),
    "V16": ("MELD", "MELD as recomputed, and near the site's own"),
    "V17": (
        "one participation",
        "nobody takes part in both phases; an earlier subject that is named is known",
    ),
    "V18": (
        "infusions",
        "number, order, interval and window of infusions, and the reference dates of DM; a missed infusion is a deviation",
    ),
    "V19": (
        "dose escalation",
        "sentinel, committee decisions and cohort sizes as the protocol asks, decisions as the rules recommend",
    ),
    "V20": (
        "dose-limiting toxicity",
        "a DLT is related, severe, and within the days of observation",
    ),
    "V21": (
        "units",
        "results of laboratory, vital signs, liver stiffness and viral load in their standard unit, converted"
        " with the right factor, their limits too; none is lost",
    ),
    "V22": (
        "plausibility",
        "results within the plausible limits of schemas/",
    ),
    "V23": (
        "eligibility",
        "enrolled subjects meet the criteria, or IE or DV says that they do not",
    ),
    "V24": (
        "visits",
        "visits in their window, planned ones held; results dated on their visit, scheduled ones there or NOT DONE",
    ),
    "V25": (
        "complications",
        "a complication has its adverse event; hyponatremia and kidney injury have their laboratory sign",
    ),
    "V26": (
        "ends of events",
        "adverse events end at the latest with death; resolved ones have an end",
    ),
    "V27": (
        "transplant and dialysis",
        "procedures that change what is analysed are dated, told alike by contacts, events and disposition, and used",
    ),
    "V28": (
        "screen failures",
        "screen failures have no infusion and are in no analysis set",
    ),
    "V29": (
        "randomisation",
        "arm sizes as planned; randomisation numbers of randomised subjects only, each once",
    ),
    "V30": (
        "partial dates",
        "each partial date is listed, and whether it is imputed; how many there are is the number of findings",
    ),
    "V31": (
        "laboratory grades",
        "range indicators and CTCAE grades as value, limits and baseline give them",
    ),
    "V32": (
        "data cut-off",
        "nothing is dated after the data cut-off or before the study",
    ),
    "V33": (
        "blinding",
        "what nobody declares to be free of treatment is not shown of a blind phase",
    ),
}


def rule_title(rule: str) -> str:
    """What a rule is about in a few words; its id where it has no text."""
    return RULE_TEXTS.get(rule, (rule, ""))[0]


def rule_text(rule: str) -> str:
    """What a rule asks; empty where it has no text."""
    return RULE_TEXTS.get(rule, ("", ""))[1]
