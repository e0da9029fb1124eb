//! Maximum likelihood for small models: the largest log-likelihood by L-BFGS, with standard errors from its curvature.
//!
//! Every parameter is positive and is searched by its logarithm. Sums run over rows in a fixed order and functions
//! come from `libm`, so the same rows give the same bits on every machine.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// Log-likelihood of a model given its rows.
pub(super) trait Likelihood {
    /// How many customers it is the likelihood of.
    fn customers(&self) -> f64;
    /// Its value, and its derivatives by the logarithms of the parameters.
    fn at(&self, parameters: &[f64]) -> (f64, Vec<f64>);
}

/// Where a likelihood is largest.
#[derive(Debug, Clone)]
pub(super) struct Maximum {
    /// The parameters.
    pub(super) values: Vec<f64>,
    /// Their standard errors, where the curvature gives any.
    pub(super) errors: Option<Vec<f64>>,
    /// The log-likelihood there.
    pub(super) log_likelihood: f64,
    /// Whether its slope vanishes there.
    pub(super) converged: bool,
}

/// Steps after which the search gives up.
const STEPS_MAX: u64 = 400;
/// Pairs of steps that L-BFGS remembers.
const MEMORY: usize = 8;
/// Slope of the mean log-likelihood at which the search may stop, and up to which it counts as converged.
const SLOPE_SOUGHT: f64 = 1e-9;
const SLOPE_ACCEPTED: f64 = 1e-5;
/// Logarithms of parameters are kept within this, so that nothing overflows on the way.
const LOGARITHM_MAX: f64 = 40.0;

/// Searches from `start` uphill.
pub(super) fn maximum(likelihood: &impl Likelihood, start: &[f64]) -> Option<Maximum> {
    let problem = Problem { likelihood, last: RefCell::new(None) };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(SLOPE_SOUGHT).ok()?;
    let start: Vec<f64> = start.iter().map(|value| libm::log(*value)).collect();
    let result = Executor::new(problem, solver).configure(|state| state.param(start).max_iters(STEPS_MAX)).run();
    let best = result.ok()?.state.get_best_param()?.clone();
    let values = parameters(&best);
    let (log_likelihood, slope) = likelihood.at(&values);
    let steepest = slope.iter().map(|slope| slope.abs()).fold(0.0, f64::max) / likelihood.customers();
    let curvature = curvature(likelihood, &best);
    let errors = variances(curvature).map(|variances| {
        // By logarithm: a parameter's error is its value times the error of its logarithm.
        values.iter().zip(variances).map(|(value, variance)| value * libm::sqrt(variance)).collect()
    });
    let converged = log_likelihood.is_finite() && steepest <= SLOPE_ACCEPTED;
    Some(Maximum { values, errors, log_likelihood, converged })
}

fn parameters(logarithms: &[f64]) -> Vec<f64> {
    logarithms.iter().map(|value| libm::exp(value.clamp(-LOGARITHM_MAX, LOGARITHM_MAX))).collect()
}

/// A point, the value there and the slope.
type Seen = (Vec<f64>, f64, Vec<f64>);

/// The mean log-likelihood turned upside down, as the solver minimises. It asks for value and slope one after
/// the other at the same point; both come from one pass over the rows.
struct Problem<'a, L> {
    likelihood: &'a L,
    last: RefCell<Option<Seen>>,
}

impl<L: Likelihood> Problem<'_, L> {
    fn at(&self, logarithms: &[f64]) -> (f64, Vec<f64>) {
        if let Some((point, value, slope)) = self.last.borrow().as_ref()
            && point == logarithms
        {
            return (*value, slope.clone());
        }
        let (value, slope) = self.likelihood.at(&parameters(logarithms));
        let scale = -1.0 / self.likelihood.customers();
        let slope: Vec<f64> = slope.iter().map(|slope| slope * scale).collect();
        let value = value * scale;
        *self.last.borrow_mut() = Some((logarithms.to_vec(), value, slope.clone()));
        (value, slope)
    }
}

impl<L: Likelihood> CostFunction for Problem<'_, L> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, logarithms: &Self::Param) -> Result<f64, Error> {
        Ok(self.at(logarithms).0)
    }
}

impl<L: Likelihood> Gradient for Problem<'_, L> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, logarithms: &Self::Param) -> Result<Vec<f64>, Error> {
        Ok(self.at(logarithms).1)
    }
}

/// The negative second derivatives of the log-likelihood by the logarithms: central differences of the slopes.
fn curvature(likelihood: &impl Likelihood, at: &[f64]) -> Vec<Vec<f64>> {
    const STEP: f64 = 1e-4;
    let slope = |column: usize, step: f64| {
        let mut moved = at.to_vec();
        moved[column] += step;
        likelihood.at(&parameters(&moved)).1
    };
    let columns: Vec<Vec<f64>> = (0..at.len())
        .map(|column| {
            let (up, down) = (slope(column, STEP), slope(column, -STEP));
            up.iter().zip(down).map(|(up, down)| (down - up) / (2.0 * STEP)).collect()
        })
        .collect();
    (0..at.len())
        .map(|row| (0..at.len()).map(|column| f64::midpoint(columns[row][column], columns[column][row])).collect())
        .collect()
}

/// The diagonal of the inverse of a symmetric matrix, if the matrix is positive definite (by Cholesky).
fn variances(matrix: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = matrix.len();
    let mut lower = matrix;
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|at| lower[row][at] * lower[column][at]).sum();
            let rest = lower[row][column] - known;
            lower[row][column] = if row == column {
                // Hardly any curvature left: the rows do not tell this parameter.
                if rest.is_nan() || rest <= 1e-9 * lower[row][row].abs() {
                    return None;
                }
                libm::sqrt(rest)
            } else {
                rest / lower[column][column]
            };
        }
    }
    let inverse_column = |unit: usize| {
        let mut solution = vec![0.0; size];
        for row in unit..size {
            let known: f64 = (unit..row).map(|at| lower[row][at] * solution[at]).sum();
            solution[row] = (f64::from(u8::from(row == unit)) - known) / lower[row][row];
        }
        // The diagonal of (L Lᵀ)⁻¹ is the squared length of the columns of L⁻¹.
        solution.iter().map(|value| value * value).sum()
    };
    Some((0..size).map(inverse_column).collect())
}
