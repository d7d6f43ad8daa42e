"""Decompose core-level spectra into chemical components, with constraints that are physics and honest intervals."""

from dataclasses import replace
from typing import Annotated, Literal

import xarray as xr
from pydantic import Field

from imgpipe.species import Component
from imgpipe.species.doubts import Questions
from imgpipe.species.entries import Background
from imgpipe.species.fitting import Options, fitter
from imgpipe.species.selection import Candidate, select
from imgpipe.step import step
from imgpipe.steps.xps.fit_data import chosen_spectra, joint_groups
from imgpipe.steps.xps.fit_marks import marked
from imgpipe.steps.xps.fit_result import leaf_results
from imgpipe.steps.xps.fit_run import run_group, some_spectra
from imgpipe.steps.xps.fit_settings import Window, adjusted, alternatives_in, chosen_plan, known
from imgpipe.steps.xps.fit_tables import model_table
from imgpipe.steps.xps.recipe_check import check_fit
from imgpipe.units import Dims, Gives, Unit

Energy = Annotated[float, Field(gt=0), Unit("eV")]
RESULT_DIMS = ("component", "peak", "region", "constraint", "sensitivity", "pair", "model")
CURVES = ("envelope", "background", "residual")
MANY_CURVES = 2000
"""Of more spectra than this, curves are drawn when asked for only."""


@step(version=1, measures=True, warm_up="imgpipe.kernels.fit:warm_up", check=check_fit)
def fit_components(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    model: str | None = None,
    components: list[Component] | None = None,
    background: Background | None = None,
    shape: Literal["voigt", "gl_sum", "gl_product"] = "voigt",
    window: dict[str, Window] | None = None,
    share: list[Literal["width", "mixing", "shift", "background"]] | None = None,
    chemical_shift_prior: Annotated[float, Field(ge=0), Unit("eV")] | None = None,
    width_ratio_prior: Annotated[float, Field(ge=0)] | Literal["free"] | None = None,
    charge_shift_prior: Energy = 1.0,
    exclude_from_percent: list[str] | None = None,
    leave_out: list[str] | None = None,
    refuse_unsupported: bool = False,
    noise: Literal["auto", "poisson", "gaussian"] = "auto",
    alternatives: bool | list[str] = True,
    sensitivity: bool = True,
    constants_exact: bool = False,
    monte_carlo: Annotated[int, Field(ge=0, le=10_000)] = 0,
    warm_start: bool = False,
    multistart: Annotated[int, Field(ge=0, le=50)] = 0,
    curves: Literal["auto", "all", "none"] = "auto",
) -> Annotated[xr.DataTree, Gives(table="components", area_percent="percent", position="eV", area="counts*eV")]:
    """Fit components to core-level spectra: all samples and regions jointly, each spectrum of a series by itself.

    Background and peaks are fitted together (active Shirley, Tougaard) by maximum likelihood of the counts, areas kept
    non-negative. Positions are those of the library, shifted by one charge shift per sample and region; a chemical
    shift is a prior with a width, or a constant where the model says so. What samples share (widths, mixing) is one
    parameter for all of them.

    The u of a share has three parts: counting statistics together with the priors (they are in the covariance
    already); constants held without a prior (all of them freed at once, each with its u as a prior: how far the share
    goes then, and by how much its variance grows); the spread over other backgrounds and shapes, each weighted by how
    well it fits. The moves of the sensitivity table enter nothing. Where chi-square or
    the Abbe value say that structure is left, the first part grows by the square root of the reduced chi-square. The
    95 % interval is symmetric and ends at 0 and 100; a component that sits at zero gets a one-sided bound. Of more
    than 2000 spectra, 200 evenly spaced ones are fitted with the alternatives and the moved constraints, and what
    lies between is interpolated.

    Parameters
    ----------
    tree : leaves with counts over energy (eV, binding energy, rising); leaves that the model does not describe stay
    model : published_s2p, argyrodite, tungsten_oxide, magnesium_lithium; or none with `components`
    components : components given one by one: a species of the library, or line and position (eV)
    background : replaces that of the model
    shape : of compounds; GL shapes have equal height and width, m is the Lorentz share
    window : per region the lowest and highest energy in eV, such as {S 2p: [158, 172]}
    share : what all samples have in common; without it what the model says (widths and mixing)
    chemical_shift_prior : eV, replaces the u of every chemical shift; 0 holds all of them
    width_ratio_prior : replaces the u of every width ratio; 0 ties all widths of a region, free lets them go
    charge_shift_prior : u of the charge shift that is left after referencing
    exclude_from_percent : components left out of the total of the percents, such as SOx
    leave_out : components of the model that are not fitted
    refuse_unsupported : leave out optional components that the data don't carry (see compare_models)
    noise : auto is poisson for counts, and gaussian where the flags of the data say that they are none;
        gaussian weighs all points alike and takes the noise from the residuals
    alternatives : other models whose spread enters the interval, true for the usual ones, or a list: backgrounds,
        shapes, held_shifts (chemical shifts at the library's values), tied_widths
    sensitivity : refit with every prior and constant moved by its u
    constants_exact : take constants without a prior as exactly known: nothing for them enters the interval
    monte_carlo : draws of counts about each fit; their spread stands beside the u of the share and enters nothing
    warm_start : start each spectrum of a series where the one before it ended
    multistart : further starts for spectra whose fit is flagged
    curves : auto draws envelope, background and components for up to 2000 spectra; all is lazy where the data is

    Returns
    -------
    the fitted leaves with, per component, ``position``, ``fwhm``, ``area``, ``area_percent`` (of what
    ``denominator`` says) with u, 95 % interval and flags; the same per peak; per region the quality of the fit; tables
    of all constraints, of the sensitivity to each, and of the order of samples with its probability; and the curves
    """
    plan = chosen_plan(model, components)
    plan = adjusted(plan, background, shape, chemical_shift_prior, width_ratio_prior, leave_out or [])
    plan = replace(
        plan,
        share=plan.share if share is None else frozenset(share),
        excluded=plan.excluded if exclude_from_percent is None else known(exclude_from_percent, plan),
        charge_u=charge_shift_prior,
    )
    leaves = {node.path.strip("/"): node.to_dataset() for node in tree.leaves}
    result: dict[str, xr.Dataset] = {}
    for group in joint_groups(chosen_spectra(leaves, plan, window or {}, noise)):
        by_residuals = noise == "auto" and any(one.divided for one in group)
        counted: Literal["poisson", "gaussian"] = "gaussian" if noise == "gaussian" or by_residuals else "poisson"
        spots = [spot for one in group for spot in one.spots()]
        own = plan.only(spot.region.region for spot in spots)
        tried: list[Candidate] = []
        if refuse_unsupported:
            tried, spots = select(own, spots, some_spectra(group), Options(counted))
        compiled = fitter(own, spots, Options(counted, warm_start, multistart))
        others = alternatives_in(alternatives, compiled)
        fitted = run_group(compiled, group, Questions(others, sensitivity, constants_exact, monte_carlo))
        drawn = curves == "all" or (curves == "auto" and len(fitted.block) <= MANY_CURVES)
        for number, one in enumerate(group):
            found = marked(leaf_results(fitted, number, drawn), leaves[one.path], one, by_residuals)
            found = found.merge(model_table(tried), combine_attrs="override") if tried else found
            before = leaves[one.path].drop_dims(RESULT_DIMS, errors="ignore").drop_vars(CURVES, errors="ignore")
            merged = before.merge(found, join="exact", combine_attrs="override")
            result[one.path] = merged.assign_attrs(leaves[one.path].attrs | found.attrs)
    return xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in result.items()})
