"""Make the tables of the further data sets on record from their public files: a folder a set, a Parquet file a domain.

    python benchmarks/choosing/further_sets.py RAW -o TABLES

RAW holds the files as they are published (UCI Machine Learning Repository unless said otherwise; kc_house: the sales of King County, Washington, 2014 to
2015; keystroke, outdoor: Souza et al. 2015, Losing et al. 2015; newsgroups: Gu & Zhou 2009, as .mat).
A set whose files are missing is left out. Classes stand in the column `label`, numbers in `target`.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

TURBINE = (7411, 7628, 7152, 7158, 7384)  # rows of 2011 to 2015 in the one file of all years
REGIONS = {  # FIPS codes of states
    "northeast": (9, 23, 25, 33, 34, 36, 42, 44, 50),
    "south": (1, 5, 10, 11, 12, 13, 21, 22, 24, 28, 37, 40, 45, 47, 48, 51, 54),
    "west": (2, 4, 6, 8, 15, 16, 30, 32, 35, 41, 49, 53, 56),
}


def classes(rows, label):
    found = pd.DataFrame(np.asarray(rows)) if not isinstance(rows, pd.DataFrame) else rows.reset_index(drop=True).copy()
    found.columns = [c if isinstance(c, str) else f"x{i:03d}" for i, c in enumerate(found.columns)]
    found["label"] = [str(v) for v in label]
    return found


def numbers(rows, target):
    found = rows.reset_index(drop=True).copy()
    found.columns = [str(c) for c in found.columns]
    found["target"] = np.asarray(target, dtype=float)
    return found


def gas_drift(raw):
    for batch in (1, 2, 3, 6, 8, 9):  # toluene, which three of them lack, is left out
        rows = [line.split() for line in (raw / f"batch{batch}.dat").read_text().splitlines()]
        gas = np.array([int(float(row[0].split(";")[0])) for row in rows])
        sensors = np.array([[float(cell.split(":")[1]) for cell in row[1:129]] for row in rows])
        yield f"batch{batch}", classes(sensors[gas <= 5], gas[gas <= 5])


def vowel(raw):
    table = np.loadtxt(raw / "vowel-context.data")
    for sex, name in ((0, "male"), (1, "female")):
        yield name, classes(table[table[:, 2] == sex, 3:13], table[table[:, 2] == sex, 13])


def pendigits(raw):
    for file, name in (("pendigits.tra", "writers30"), ("pendigits.tes", "writers14")):
        table = np.loadtxt(raw / file, delimiter=",")
        yield name, classes(table[:, :16], table[:, 16].astype(int))


def optdigits(raw):
    for file, name in (("optdigits.tra", "writers30"), ("optdigits.tes", "writers13")):
        table = np.loadtxt(raw / file, delimiter=",")
        yield name, classes(table[:, :64], table[:, 64].astype(int))


def nsl_kdd(raw):
    for file, name in (("KDDTrain+_20Percent.txt", "train"), ("KDDTest+.txt", "test")):
        table = pd.read_csv(raw / file, header=None)
        yield name, classes(table.iloc[:, :41].add_prefix("f"), np.where(table[41] == "normal", "normal", "attack"))


def outdoor(raw):
    rows, label = np.loadtxt(raw / "outdoorStream.data"), np.loadtxt(raw / "outdoorStream.labels").astype(int)
    half = len(rows) // 2
    yield "first", classes(rows[:half], label[:half])
    yield "second", classes(rows[half:], label[half:])


def keystroke(raw):
    rows, label = np.loadtxt(raw / "keystroke.data"), np.loadtxt(raw / "keystroke.labels").astype(int)
    for session in (1, 4, 8):
        at = slice(200 * (session - 1), 200 * session)
        yield f"session{session}", classes(rows[at], label[at])


def newsgroups_rec_talk(raw):
    tasks = [loadmat(raw / f"rec.vs.talk.{name}.mat") for name in ("Task1", "Task2")]
    terms = [np.asarray(t["fea"].todense() if hasattr(t["fea"], "todense") else t["fea"]) for t in tasks]
    kept = np.sort(np.argsort(-np.vstack(terms).var(axis=0))[:1000])
    for name, task, rows in zip(("task1", "task2"), tasks, terms, strict=True):
        yield name, classes(rows[:, kept], task["gnd"].ravel())


def gas_turbine(raw):
    table, ends = pd.read_csv(raw / "gt_2011.csv"), np.cumsum((0, *TURBINE))
    for i, year in enumerate(range(2011, 2016)):
        rows = table.iloc[ends[i] : ends[i + 1]]
        yield str(year), numbers(rows.drop(columns=["Carbon monoxide", "Nitrogen oxides"]), rows["Nitrogen oxides"])


def auto_mpg(raw):
    table = pd.read_csv(raw / "auto-mpg.data", sep=r"\s+", header=None, na_values="?")
    for origin, name in ((1, "usa"), (2, "europe"), (3, "japan")):
        rows = table[table[7] == origin]
        yield name, numbers(rows[[1, 2, 3, 4, 5, 6]], rows[0])


def parkinsons(raw):
    table = pd.read_csv(raw / "parkinsons_updrs.data", sep=None, engine="python")
    for low, high in ((1, 21), (22, 42)):
        rows = table[table["subject#"].between(low, high)]
        kept = rows.drop(columns=["subject#", "motor_UPDRS", "total_UPDRS"])
        yield f"subjects{low}to{high}", numbers(kept, rows["total_UPDRS"])


def communities(raw):
    table = pd.read_csv(raw / "communities.data", header=None, na_values=["?"])
    facts = table.columns[5:127]
    kept = facts[table[facts].isna().mean() < 0.5]
    for name, states in REGIONS.items():
        rows = table[table[0].isin(states)]
        yield name, numbers(rows[kept], rows[127])


def kc_house(raw):
    table = pd.read_csv(raw / "kc_house_data.csv")
    table["waterfront"] = table["waterfront"].astype(str).isin(["Y", "1"]).astype(int)
    kept = table.columns.difference(["id", "date", "price", "zipcode", "lat", "long"], sort=False)
    for name, here in (("north", table["lat"] >= 47.55), ("south", table["lat"] < 47.55)):
        yield name, numbers(table.loc[here, kept], np.log(table.loc[here, "price"]))


def seoul_bike(raw):
    table = pd.read_csv(raw / "SeoulBikeData.csv", encoding="utf-8-sig", sep=None, engine="python")
    table = table[table["Functioning Day"] == "Yes"]
    for season in ("Winter", "Spring", "Summer", "Autumn"):
        rows = table[table["Seasons"] == season]
        yield (
            season.lower(),
            numbers(rows.drop(columns=["Date", "Seasons", "Functioning Day", "Rented Bike Count"]), rows["Rented Bike Count"]),
        )


def abalone(raw):
    table = pd.read_csv(raw / "abalone.data", header=None)
    for name, rows in table.groupby(0):
        yield str(name).lower(), numbers(rows[list(range(1, 8))], rows[8])


def seoul_temperature(raw):
    table = pd.read_csv(raw / "Bias_correction_ucl.csv")
    table = table[table["Next_Tmax"].notna() & table["Date"].notna()]
    for year in ("2013", "2015", "2017"):
        rows = table[table["Date"].str.startswith(year)]
        yield year, numbers(rows.drop(columns=["station", "Date", "Next_Tmax", "Next_Tmin"]), rows["Next_Tmax"])


def air_quality(raw):
    table = pd.read_csv(raw / "AirQualityUCI.csv")
    day = pd.to_datetime(table["Date"], format="%d/%m/%Y", errors="coerce")
    known = day.notna() & (table["CO_GT"] > -200) & (table["PT08_S1_CO"] > -200)
    sensors = ["PT08_S1_CO", "PT08_S2_NMHC", "PT08_S3_NOx", "PT08_S4_NO2", "PT08_S5_O3", "T", "RH", "AH"]
    for name, begin, end in (("spring", "2004-03", "2004-07"), ("summer", "2004-07", "2004-11"), ("winter", "2004-11", "2005-05")):
        here = known & (day >= begin) & (day < end)
        yield name, numbers(table.loc[here, sensors], table.loc[here, "CO_GT"])


SETS = (
    gas_drift,
    vowel,
    pendigits,
    optdigits,
    nsl_kdd,
    outdoor,
    keystroke,
    newsgroups_rec_talk,
    gas_turbine,
    auto_mpg,
    parkinsons,
    communities,
    kc_house,
    seoul_bike,
    abalone,
    seoul_temperature,
    air_quality,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raw", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    for make in SETS:
        try:
            domains = list(make(given.raw))
        except FileNotFoundError as missing:
            print(f"{make.__name__}: left out, {Path(missing.filename).name} is not there")
            continue
        folder = given.output / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in domains:
            table.to_parquet(folder / f"{name}.parquet")
        print(f"{make.__name__}: {', '.join(f'{name} {len(table)}' for name, table in domains)}")


if __name__ == "__main__":
    main()
