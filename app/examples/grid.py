"""Order selection for the sunspot numbers by AIC: an ordinary joblib script.

Nothing in it knows of modelrun, of addresses or of certificates: `modelrun run grid-program.yaml`
brings the Dask cluster that joblib asks for.
"""

import itertools
import warnings

import joblib
import statsmodels.api as sm
from statsmodels.tsa.arima.model import ARIMA


def aic(order: tuple[int, int, int]) -> tuple[tuple[int, int, int], float]:
    """Return the order and the AIC of its ARIMA model of the yearly sunspot numbers."""
    series = sm.datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()[-120:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return order, float(ARIMA(series, order=order).fit().aic)


if __name__ == "__main__":
    orders = list(itertools.product(range(3), [0], range(2)))
    with joblib.parallel_config("dask"):
        results = joblib.Parallel()(joblib.delayed(aic)(order) for order in orders)
    best, value = min(results, key=lambda item: item[1])
    print(f"best of {len(results)} orders: {best} with AIC {value:.1f}")
