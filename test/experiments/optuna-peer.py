# Beside Optuna for test/experiments/optuna.test.ts: `read FILE` prints what Optuna makes of a journal, `write FILE` has it write one,
# `densities CASES` what its Parzen estimators of release 3.1 say. Else works from Optuna 3.1, which Debian has, to 5.0.
import json
import math
import sys
import warnings

warnings.simplefilter("ignore")
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def storage(path):
    try:
        from optuna.storages.journal import JournalFileBackend as File
    except ImportError:
        from optuna.storages import JournalFileStorage as File
    return optuna.storages.JournalStorage(File(path))


def number(value):
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def dump(path):
    opened = storage(path)
    return [
        {
            "name": study.study_name,
            "directions": [direction.name.lower() for direction in study.directions],
            "attributes": study.user_attrs,
            "trials": [
                {
                    "number": trial.number,
                    "state": {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower()),
                    "value": number(trial.values[0]) if trial.values else None,
                    "parameters": trial.params,
                    "distributions": {
                        name: optuna.distributions.distribution_to_json(one) for name, one in trial.distributions.items()
                    },
                    "steps": [[step, number(value)] for step, value in sorted(trial.intermediate_values.items())],
                    "attributes": trial.user_attrs,
                    "seconds": trial.duration.total_seconds() if trial.duration else None,
                }
                for trial in opened.get_all_trials(study._study_id)
            ],
        }
        for study in opened.get_all_studies()
    ]


def objective(trial):
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    share = trial.suggest_float("share", 0, 1, step=0.25)
    width = trial.suggest_int("width", 8, 64, step=8)
    depth = trial.suggest_int("depth", 1, 100, log=True)
    kind = trial.suggest_categorical("kind", ["ä \"b\"", None, True, 3, 0.5])
    trial.set_user_attr("note", {"text": "a NaN in a string", "list": [1, None]})
    for step in range(3):
        trial.report(float("nan") if trial.number == 2 else rate * step, step)
        if trial.number > 5 and trial.should_prune():
            raise optuna.TrialPruned
    if trial.number == 1:
        raise ValueError("on purpose")
    return float("inf") if trial.number == 3 else rate + share + width + depth


def write(path):
    opened = storage(path)
    first = optuna.create_study(storage=opened, study_name="deleted")
    first.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    study = optuna.create_study(storage=opened, study_name="kept", direction="maximize", pruner=optuna.pruners.MedianPruner(1))
    study.set_user_attr("question", "why")
    optuna.delete_study(study_name="deleted", storage=opened)
    study.optimize(objective, n_trials=14, catch=(ValueError,))
    study.enqueue_trial({"rate": 0.01})
    study.add_trial(
        optuna.trial.create_trial(
            params={"rate": 0.5},
            distributions={"rate": optuna.distributions.FloatDistribution(0, 1)},
            value=0.25,
            intermediate_values={1: 0.125},
        )
    )


def densities(case):
    import numpy
    from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
    from optuna.samplers._tpe.sampler import default_weights

    # That release forgot to divide the density by the width of the kernel; 3.2 mended it.
    truncnorm = optuna.samplers._tpe.parzen_estimator.truncnorm
    if not hasattr(truncnorm, "unmended"):
        truncnorm.unmended = truncnorm.logpdf
        truncnorm.logpdf = lambda x, a, b, loc=0, scale=1: truncnorm.unmended(x, a, b, loc, scale) - numpy.log(scale)
    space = {name: optuna.distributions.json_to_distribution(text) for name, text in case["distributions"].items()}
    parameters = _ParzenEstimatorParameters(True, 1.0, True, False, default_weights, False)
    observed = {name: numpy.array(values, dtype=float) for name, values in case["observed"].items()}
    points = {name: numpy.array(values) for name, values in case["points"].items()}
    return _ParzenEstimator(observed, space, parameters).log_pdf(points).tolist()


if __name__ == "__main__":
    if sys.argv[1] == "densities":
        print(json.dumps([densities(case) for case in json.loads(sys.argv[2])]))
        sys.exit()
    if sys.argv[1] == "write":
        write(sys.argv[2])
    if sys.argv[1] == "version":
        print(optuna.__version__)
    else:
        print(json.dumps(dump(sys.argv[2])))
