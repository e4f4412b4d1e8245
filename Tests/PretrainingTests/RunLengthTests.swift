import Pretraining
import Testing

/// Runs that are made shorter.
struct RunLengthTests {
    private var whole: RunConfiguration {
        var whole = RunConfiguration()
        whole.training.steps = 1000
        whole.optimizer.warmupSteps = 101
        whole.optimizer.decaySteps = 200
        return whole
    }

    @Test func warmupAndDecayKeepTheirShares() {
        var trial = whole
        trial.scaleLength(to: 100, of: whole)
        #expect(trial.training.steps == 100)
        #expect(trial.optimizer.warmupSteps == 11 && trial.optimizer.decaySteps == 20)
        var exact = whole
        exact.optimizer.warmupSteps = 100
        trial.scaleLength(to: 70, of: exact)
        #expect(trial.optimizer.warmupSteps == 7)
        trial.scaleLength(to: 1000, of: whole)
        #expect(trial.training == whole.training && trial.optimizer == whole.optimizer)
        // A warmup that is longer than the run is all of it.
        var warming = whole
        warming.optimizer.warmupSteps = 5000
        trial.scaleLength(to: 10, of: warming)
        #expect(trial.optimizer.warmupSteps == 10)
    }

    @Test func theTemperatureOfAFrozenGeneratorFallsInTheSameShare() {
        var frozen = whole
        frozen.objective.replacements = .frozen
        frozen.objective.frozenGenerator.decaySteps = 300
        var trial = frozen
        trial.scaleLength(to: 100, of: frozen)
        #expect(trial.objective.frozenGenerator.decaySteps == 30)
        // Where there is none the setting stays, as one without effect would be refused.
        var without = whole
        without.scaleLength(to: 100, of: whole)
        #expect(without.objective.frozenGenerator == whole.objective.frozenGenerator)
    }
}
