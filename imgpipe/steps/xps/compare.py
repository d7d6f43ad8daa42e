"""Compare models: which optional components the spectra carry."""

from typing import Annotated, Literal

import xarray as xr
from pydantic import Field

from imgpipe.species import Component
from imgpipe.species.entries import Background
from imgpipe.species.fitting import Options
from imgpipe.species.selection import select
from imgpipe.step import step
from imgpipe.steps.xps.fit_data import chosen_spectra, joint_groups
from imgpipe.steps.xps.fit_run import some_spectra
from imgpipe.steps.xps.fit_settings import Window, adjusted, chosen_plan
from imgpipe.steps.xps.fit_tables import model_table
from imgpipe.steps.xps.recipe_check import check_model
from imgpipe.units import Dims, Gives


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up", check=check_model)
def compare_models(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    model: str | None = None,
    components: list[Component] | None = None,
    background: Background | None = None,
    shape: Literal["voigt", "gl_sum", "gl_product"] = "voigt",
    window: dict[str, Window] | None = None,
    strong: Annotated[float, Field(ge=0)] = 6.0,
    noise: Literal["auto", "poisson", "gaussian"] = "auto",
) -> Annotated[xr.DataTree, Gives(table="models", model_bic="1", gain="1")]:
    """Tell which optional components the spectra carry, by the Bayesian information criterion.

    The fit starts with the required components of the model; optional ones are added one at a time, the best first,
    as long as BIC falls by at least `strong`. One decision is made for all samples and spectra of a joint fit. What
    is refused here goes into `leave_out` of fit_components, or set its `refuse_unsupported`.

    Parameters
    ----------
    tree : leaves with counts over energy (eV, binding energy, rising)
    model : name of a model of the species library; or none with `components`
    components : components given one by one; those with ``required: false`` are optional
    background : replaces that of the model
    shape : of compounds
    window : per region the lowest and highest energy in eV
    strong : fall of BIC that counts as evidence (6: strong, Kass and Raftery 1995)
    noise : auto is poisson for counts

    Returns
    -------
    per leaf a table of all models tried: ``model_bic`` (sum over the spectra of the joint fit), ``gain`` (its fall
    against the best smaller model), ``accepted``, ``added``
    """
    plan = adjusted(chosen_plan(model, components), background, shape)
    counted = "poisson" if noise == "auto" else noise
    leaves = {node.path.strip("/"): node.to_dataset() for node in tree.leaves}
    result: dict[str, xr.Dataset] = {}
    for group in joint_groups(chosen_spectra(leaves, plan, window or {}, counted)):
        spots = [spot for one in group for spot in one.spots()]
        own = plan.only(spot.region.region for spot in spots)
        tried, _ = select(own, spots, some_spectra(group), Options(counted), strong)
        for one in group:
            table = model_table(tried)
            kept = leaves[one.path].drop_vars(list(table.variables), errors="ignore")
            result[one.path] = kept.merge(table, join="exact", combine_attrs="override")
    return xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in result.items()})
