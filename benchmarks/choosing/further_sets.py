"""Make the tables of the further data sets on record from their public files: a folder a set, a Parquet file a domain.

    python benchmarks/choosing/further_sets.py RAW -o TABLES

RAW holds the files as they are published (UCI Machine Learning Repository unless said otherwise; kc_house: the sales of King County, Washington, 2014 to
2015; keystroke, outdoor, weather: Souza et al. 2015, Losing et al. 2015; newsgroups: Gu & Zhou 2009, as .mat; landmine: Xue et al. 2007, as .mat; compas:
Angwin et al. 2016; telco, hr: IBM's samples; insurance, used_cars (UK), life (WHO), melbourne, body, forest: as found on Kaggle;
office_decaf: Donahue et al. 2014, as .mat; obesity, with a column BMI: UCI's, published again).
A set whose files are missing is left out. Classes stand in the column `label`, numbers in `target`.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

TURBINE = (7411, 7628, 7152, 7158, 7384)  # rows of 2011 to 2015 in the one file of all years
YEARS_OF_WEATHER = 3650  # days
LARGE = 1000  # rows of a domain that is taken of many
CURED = 28  # days
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


def occupancy(raw):
    for name in ("datatraining", "datatest", "datatest2"):
        table = pd.read_csv(raw / f"{name}.txt")
        yield name, classes(table[["Temperature", "Humidity", "Light", "CO2", "HumidityRatio"]], table["Occupancy"])


def landmine(raw):
    held = loadmat(raw / "LandmineData.mat")
    rows, label = held["feature"].ravel(), held["label"].ravel()
    for name, at in (("foliated", range(15)), ("bare", range(15, 29))):
        yield name, classes(np.vstack([rows[i] for i in at]), np.concatenate([label[i].ravel() for i in at]).astype(int))


def weather(raw):
    rows, label = (pd.read_csv(raw / f"NEweather_{part}.csv", header=None).to_numpy() for part in ("data", "class"))
    for name, at in (("first", slice(None, YEARS_OF_WEATHER)), ("last", slice(-YEARS_OF_WEATHER, None))):
        yield name, classes(rows[at], label[at].ravel().astype(int))


def telco(raw):
    table = pd.read_csv(raw / "WA_Fn-UseC_-Telco-Customer-Churn.csv").drop(columns="customerID", errors="ignore")
    table["TotalCharges"] = pd.to_numeric(table["TotalCharges"], errors="coerce")
    for service, name in (("DSL", "dsl"), ("Fiber optic", "fiber"), ("No", "none")):
        rows = table[table["InternetService"] == service]
        yield name, classes(rows.drop(columns=["InternetService", "Churn"]), rows["Churn"])


def compas(raw):
    table = pd.read_csv(raw / "compas-scores-two-years.csv")
    counts = ["juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count"]
    kept = ["sex", "age", *counts, "days_b_screening_arrest", "c_charge_degree", "c_charge_desc"]
    for race in ("African-American", "Caucasian", "Hispanic"):
        rows = table[table["race"] == race]
        yield race.lower().replace("-", "_"), classes(rows[kept], rows["two_year_recid"])


def shoppers(raw):
    table = pd.read_csv(raw / "online_shoppers_intention.csv")
    for month, rows in table.groupby("Month"):
        if len(rows) > LARGE:
            yield f"m{month}", classes(rows.drop(columns=["Month", "Revenue"]), rows["Revenue"])


def hr(raw):
    table = pd.read_csv(raw / "WA_Fn-UseC_-HR-Employee-Attrition.csv")
    table = table.drop(columns=["EmployeeCount", "EmployeeNumber", "Over18", "StandardHours"])
    for department, name in (("Research & Development", "research"), ("Sales", "sales")):
        rows = table[table["Department"] == department]
        yield name, classes(rows.drop(columns=["Department", "Attrition"]), rows["Attrition"])


def arrhythmia(raw):
    table = pd.read_csv(raw / "arrhythmia.data", header=None, na_values="?")
    for sex, name in ((0, "male"), (1, "female")):
        rows = table[table[1] == sex]
        yield name, classes(rows.drop(columns=[1, 279]), np.where(rows[279] == 1, "normal", "arrhythmia"))


def gesture(raw):
    for user, stories in (("a", "123"), ("b", "13"), ("c", "13")):
        videos = [pd.read_csv(raw / f"{user}{story}_va3.csv").to_numpy(dtype=object) for story in stories]
        rows = np.vstack(videos)
        yield f"user_{user}", classes(rows[:, :32].astype(float), rows[:, 32])


def mice(raw):
    table = pd.read_csv(raw / "Data_Cortex_Nuclear.csv")
    proteins = [c for c in table if c.endswith("_N")]
    for genotype, name in (("Control", "control"), ("Ts65Dn", "trisomic")):
        rows = table[table["Genotype"] == genotype]
        yield name, classes(rows[proteins], rows["Behavior"] + "-" + rows["Treatment"])


def insurance(raw):
    for region, rows in pd.read_csv(raw / "insurance.csv").groupby("region"):
        yield region, numbers(rows.drop(columns=["region", "charges"]), rows["charges"])


def concrete(raw):
    table = pd.read_csv(raw / "Concrete_Data.csv")
    strength, age = table.columns[8], table.columns[7]
    for name, at in (("early", table[age] < CURED), ("d28", table[age] == CURED), ("late", table[age] > CURED)):
        yield name, numbers(table.loc[at].drop(columns=strength), table.loc[at, strength])


def airfoil(raw):
    table = pd.read_csv(raw / "airfoil_self_noise.dat", sep=r"\s+", header=None).apply(pd.to_numeric, errors="coerce").dropna()
    for velocity, rows in table.groupby(3):
        yield f"v{velocity:g}", numbers(rows.drop(columns=[3, 5]), rows[5])


def used_cars(raw):
    for make in ("ford", "merc", "bmw", "audi", "vw", "toyota"):
        table = pd.read_csv(raw / f"{make}.csv")
        yield make, numbers(table.drop(columns=["make", "price"], errors="ignore"), table["price"])


def life(raw):
    table = pd.read_csv(raw / "Life Expectancy Data.csv")
    table = table.rename(columns=str.strip).dropna(subset="Life expectancy")
    for continent, rows in table.groupby("Continent"):
        if len(rows) > LARGE / 5:
            kept = rows.drop(columns=["Continent", "Country", "Life expectancy"])
            yield continent.lower().replace(" ", "_"), numbers(kept, rows["Life expectancy"])


def melbourne(raw):
    table = pd.read_csv(raw / "melb_data.csv", encoding="utf-8-sig")
    table = table.drop(columns=["Address", "Suburb", "SellerG", "CouncilArea", "Postcode"])
    for region, rows in table.groupby("Regionname"):
        if len(rows) > LARGE:
            yield region.lower().replace(" ", "_").replace("-", "_"), numbers(rows.drop(columns=["Regionname", "Price"]), rows["Price"])


def office_decaf(raw):
    for file in ("dslr_decaf", "Webcam_decaf"):  # the features of Donahue et al. 2014
        table = loadmat(raw / f"{file}.mat")
        yield file.split("_")[0].lower(), classes(table["fea"], table["gnd"].ravel())


def steel_faults(raw):
    table = pd.read_csv(raw / "faults.csv")
    kept = table.drop(columns=["failure.type", "target", "TypeOfSteel_A300", "TypeOfSteel_A400"])
    for kind, rows in kept.groupby(table["TypeOfSteel_A300"]):
        yield "a300" if kind else "a400", classes(rows, table.loc[rows.index, "failure.type"])


def body(raw):
    table = pd.read_csv(raw / "bodyPerformance.csv")
    for gender, rows in table.groupby("gender"):
        yield {"M": "men", "F": "women"}[gender], classes(rows.drop(columns=["gender", "class"]), rows["class"])


def contraception(raw):
    names = ("age", "edu", "husband_edu", "children", "religion", "working", "occupation", "living", "media", "method")
    table = pd.read_csv(raw / "cmc.data", names=names, skipinitialspace=True)
    table = table[pd.to_numeric(table["method"], errors="coerce").notna()]  # where it was published again, with a line of names
    for working, rows in table.groupby(table["working"].astype(str)):
        yield f"w{working}", classes(rows.drop(columns=["working", "method"]), rows["method"])


def obesity(raw):
    table = pd.read_csv(raw / "ObesityDataSet.csv")
    for gender, rows in table.groupby("Gender"):
        yield gender.lower(), classes(rows.drop(columns=["Gender", "NObesity", "BMI"]), rows["NObesity"])


def forest(raw):
    table = pd.read_csv(raw / "forest_train.csv").drop(columns="Id")
    areas = [c for c in table if c.startswith("Wilderness")]
    for area in areas:
        rows = table[table[area] == 1]
        yield f"area{area[-1]}", classes(rows.drop(columns=[*areas, "Cover_Type"]), rows["Cover_Type"])


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
    occupancy,
    landmine,
    weather,
    telco,
    compas,
    shoppers,
    hr,
    arrhythmia,
    gesture,
    mice,
    insurance,
    concrete,
    airfoil,
    used_cars,
    life,
    melbourne,
    office_decaf,
    steel_faults,
    body,
    contraception,
    obesity,
    forest,
)


def written(sets, what):
    """Make each set, a name and what makes (name, rows) of its domains of RAW, into a folder of its own; one whose files are missing is left out. what: the script's own text."""
    parser = argparse.ArgumentParser(description=what.splitlines()[0])
    parser.add_argument("raw", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    for name, make in sets:
        try:
            made = list(make(given.raw))
        except OSError as missing:  # SciPy says no more than that of a .mat that is not there
            print(f"{name}: left out, {missing}")
            continue
        folder = given.output / name
        folder.mkdir(parents=True, exist_ok=True)
        for domain, rows in made:
            rows.to_parquet(folder / f"{domain}.parquet")
        print(f"{name}: {', '.join(f'{domain} {len(rows)}' for domain, rows in made)}")


if __name__ == "__main__":
    written([(make.__name__, make) for make in SETS], __doc__)
