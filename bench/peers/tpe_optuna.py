# A sampler of Optuna on one of the functions of ../tpe-functions.ts: prints the best value after each trial, a list a seed.
#   python3 tpe_optuna.py FUNCTION SAMPLER TRIALS SEEDS
import json
import math
import sys
import warnings

warnings.simplefilter("ignore")
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)

A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]
ALPHA = [1, 1.2, 3, 3.2]


def branin(trial):
    x = trial.suggest_float("x", -5, 10)
    y = trial.suggest_float("y", 0, 15)
    bend = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return bend * bend + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(trial):
    x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(6)]
    return -sum(
        alpha * math.exp(-sum(a * (at - p) ** 2 for a, at, p in zip(row, x, centre)))
        for alpha, row, centre in zip(ALPHA, A, P)
    )


def recipe_like(trial):
    rate = trial.suggest_float("rate", 1e-5, 1, log=True)
    width = trial.suggest_int("width", 8, 64, step=8)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    known = (math.log10(rate) + 2.5) ** 2 + abs(width - 40) / 16
    if kind == "a":
        return known + 1 + (trial.suggest_float("momentum", 0, 1) - 0.3) ** 2
    if kind == "b":
        return known + 4 * (trial.suggest_float("decay", 0, 1) - 0.7) ** 2
    return known + 2


def best_so_far(study):
    best, values = math.inf, []
    for trial in study.trials:
        best = min(best, trial.value)
        values.append(best)
    return values


def run(sampler, objective, trials):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trials)
    return best_so_far(study)


def main():
    function, sampler, trials, seeds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    objective = {"Branin": branin, "Hartmann 6": hartmann, "recipe-like": recipe_like}[function]
    is_multivariate = {"tpe": False, "tpe multivariate": True}[sampler]
    runs = [
        run(optuna.samplers.TPESampler(seed=seed, multivariate=is_multivariate), objective, trials)
        for seed in range(seeds)
    ]
    print(json.dumps({"version": optuna.__version__, "runs": runs}))


main()
