"""Make the tables of the sets that were drawn last from their public files: a folder a set, a Parquet file a domain.

    python benchmarks/choosing/newer_sets.py RAW -o TABLES

RAW holds the files as they are published: those of the R packages modeldata (ames, stackoverflow, credit_data), mosaicData (Weather), openintro (epa2021,
loans_full_schema), bayesrules (airbnb, climbers_sub, hotel_bookings), agridat (lasrosas.corn), Ecdat (Hdma), MLDataR (thyroid_disease), DAAG (monica) and psych (bfi), each
as a .csv; diamonds, taxis and titanic of seaborn; of the UCI repository garments_worker_productivity, Steel_industry_data, bank-additional and credit (German
credit, with names); Churn_Modelling and cardio_train as found on Kaggle. A set whose file is missing is left out.
What tells the domains apart is no column, nor what tells the label. Domains have at most 4,000 rows, drawn at random.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from further_sets import written

MOST = 4000


@dataclass(frozen=True)
class Set:
    """file: of RAW. by: the column that tells the domains apart; domains: name -> its value or values. drop: columns left out. log: of the numbers."""

    name: str
    file: str
    by: str
    label: str
    domains: dict
    drop: tuple = ()
    numbers: bool = False
    log: float | None = None  # the least value, below which nothing is believed
    separator: str = ","


SETS = (
    Set("ames_zone", "ames", "MS_Zoning", "Sale_Price", {"low_density": "Residential_Low_Density", "medium_density": "Residential_Medium_Density", "floating_village": "Floating_Village_Residential"}, ("Neighborhood", "Longitude", "Latitude"), numbers=True, log=1),
    Set("city_weather", "Weather", "city", "avg_humidity", {"auckland": "Auckland", "mumbai": "Mumbai", "beijing": "Beijing", "chicago": "Chicago"}, ("date", "day", "year", "high_humidity", "low_humidity", "high_dewpt", "avg_dewpt", "low_dewpt"), numbers=True),
    Set("epa_cars", "epa2021", "drive_desc", "comb_mpg", {"all_wheel": "All Wheel Drive", "rear_wheel": "2-Wheel Drive, Rear", "front_wheel": "2-Wheel Drive, Front", "four_wheel": "4-Wheel Drive"}, ("model_yr", "city_mpg", "hwy_mpg", "mfr_code", "carline", "model_type_index", "drive_sys", "air_aspir_method", "transmission", "fuel_usage", "release_date", "guzzler", "division"), numbers=True),
    Set("airbnb_chicago", "airbnb", "district", "price", {"north": "North", "west": "West", "far_north": "Far North", "south": "South"}, ("neighborhood",), numbers=True, log=1),
    Set("loan_rate", "loans_full_schema", "homeownership", "interest_rate", {"mortgage": "MORTGAGE", "rent": "RENT", "own": "OWN"}, ("emp_title", "grade", "sub_grade", "installment", "loan_status", "balance", "paid_total", "paid_principal", "paid_interest", "paid_late_fees"), numbers=True),
    Set("developer_salary", "stackoverflow", "Country", "Salary", {"united_states": "United States", "united_kingdom": "United Kingdom", "germany": "Germany", "india": "India"}, numbers=True, log=1000),
    Set("corn_yield", "lasrosas.corn", "year", "yield", {"y1999": 1999, "y2001": 2001}, ("nf",), numbers=True),
    Set("diamonds_cut", "diamonds", "cut", "price", {"fair": "Fair", "good": "Good", "premium": "Premium", "ideal": "Ideal"}, numbers=True, log=1),
    Set("taxi_fare", "taxis", "color", "fare", {"yellow": "yellow", "green": "green"}, ("pickup", "dropoff", "tip", "tolls", "total", "pickup_zone", "dropoff_zone"), numbers=True),
    Set("garments", "garments_worker_productivity", "department", "actual_productivity", {"sewing": "sweing", "finishing": "finishing"}, ("date", "wip"), numbers=True),
    Set("steel_energy", "Steel_industry_data", "Load_Type", "Usage_kWh", {"light": "Light_Load", "medium": "Medium_Load", "maximum": "Maximum_Load"}, ("date", "CO2(tCO2)", "Lagging_Current_Power_Factor", "Leading_Current_Power_Factor"), numbers=True),
    Set("bank_contact", "bank-additional", "contact", "y", {"cellular": "cellular", "telephone": "telephone"}, ("duration",), separator=";"),
    Set("bank_churn", "Churn_Modelling", "Geography", "Exited", {"france": "France", "germany": "Germany", "spain": "Spain"}, ("RowNumber", "CustomerId", "Surname")),
    Set("cardio", "cardio_train", "gender", "cardio", {"women": 1, "men": 2}, ("id",), separator=";"),
    Set("hmda", "Hdma", "black", "deny", {"other": "no", "black": "yes"}),
    Set("thyroid", "thyroid_disease", "ref_src", "ThryroidClass", {"svi": "SVI", "other": "other"}),
    Set("credit_home", "credit_data", "Home", "Status", {"owner": "owner", "rent": "rent", "parents": "parents", "other": "other"}),
    Set("climbers", "climbers_sub", "season", "success", {"spring": "Spring", "autumn": "Autumn"}, ("expedition_id", "member_id", "peak_id", "highpoint_metres", "died", "death_cause", "death_height_metres", "injured", "injury_type", "injury_height_metres")),
    Set("monica", "monica", "sex", "outcome", {"men": "m", "women": "f"}, ("hosp",)),
    Set("hotel", "hotel_bookings", "hotel", "is_canceled", {"city": "City Hotel", "resort": "Resort Hotel"}, ("reservation_status", "reservation_status_date", "arrival_date_year", "arrival_date_day_of_month", "assigned_room_type", "country", "agent", "company", "required_car_parking_spaces", "booking_changes")),
    Set("titanic_port", "titanic", "embarked", "survived", {"southampton": "S", "cherbourg": "C"}, ("embark_town", "class", "who", "adult_male", "alive", "alone", "deck")),
    Set("german_credit", "credit", "housing", "default", {"own": "own", "rent": "rent", "free": "for free"}),
    Set("bfi", "bfi", "education", "gender", {"some_school": (1, 2), "some_college": (3,), "graduate": (4,), "postgraduate": (5,)}),
)  # fmt: skip


def table(raw, s):
    """The file as a table, without what no set should have as a column."""
    t = pd.read_csv(raw / f"{s.file}.csv", sep=s.separator).drop(columns="rownames", errors="ignore")
    if s.name == "city_weather":  # traces of rain
        t["precip"] = pd.to_numeric(t["precip"].replace("T", "0"), errors="coerce")
    if s.name == "taxi_fare":
        pickup = pd.to_datetime(t["pickup"])
        t["hour"], t["weekday"] = pickup.dt.hour, pickup.dt.day_of_week
    if s.name == "garments":
        t["department"] = t["department"].str.strip()
    if s.name == "steel_energy":  # a quarter of an hour each, in order: the dates' formats are mixed
        t["month"] = (pd.Timestamp("2018-01-01") + pd.to_timedelta(np.arange(len(t)) // 96, unit="D")).month
    if s.name == "bank_contact":  # one broken row
        t["nr.employed"] = pd.to_numeric(t["nr.employed"], errors="coerce")
        t = t.dropna(subset="nr.employed")
    t = t[t[s.label].notna()]
    if s.log is not None:
        t[s.label] = np.log(t[s.label].clip(lower=s.log))
    return t


def domains(raw, s):
    """Name and rows of each domain."""
    t = table(raw, s)
    for name, value in s.domains.items():
        rows = t[t[s.by].isin(value if isinstance(value, tuple) else (value,))]
        if len(rows) > MOST:
            rows = rows.sample(MOST, random_state=0).sort_index()
        found = rows.drop(columns=[s.by, s.label, *s.drop]).reset_index(drop=True)
        found = found.loc[:, t[found.columns].nunique(dropna=False) > 1]
        found["target" if s.numbers else "label"] = rows[s.label].to_numpy(float) if s.numbers else [str(v) for v in rows[s.label]]
        yield name, found


if __name__ == "__main__":
    written([(s.name, partial(domains, s=s)) for s in SETS], __doc__)
