import Foundation
import Objectives
import Pretraining
import Runs
import Testing

@Suite("Alarms")
struct AlarmWatchTests {
    /// Of 1,000 steps with 50 of warmup, over 1,000 tokens (a uniform guess has a loss of 6.9).
    private func watch(_ change: (inout RunConfiguration) -> Void = { _ in }) -> AlarmWatch {
        var configuration = RunConfiguration.ofAlarms
        change(&configuration)
        return AlarmWatch(configuration, vocabularySize: 1000)
    }

    private func report(
        _ step: Int, generator: Double? = 3, corrective: Double? = nil, area: Double? = 0.8, sampled: Double? = nil
    ) -> EvaluationReport {
        var report = EvaluationReport(
            step: step, sums: LossSums(), unigramEntropy: 6, areaUnderCurve: area, samples: [])
        (report.generatorLoss, report.correctiveLoss) = (generator, corrective)
        report.generatorSampledAccuracy = sampled
        return report
    }

    private func record(_ loss: Double, objective: ObjectiveConfiguration = .init()) -> StepRecord {
        var sums = LossSums()
        (sums.maskedCount, sums.generatorLoss) = (1, loss)
        return StepRecord(
            tokens: 1, loss: loss, losses: ObjectiveLosses(objective, sums), learningRate: 1e-3, gradientNorm: 1,
            tokensPerSecond: 1, utilisation: 1, epochs: [0])
    }

    /// Kinds with their beginnings, of evaluations at 100, 200, 300.
    private func kinds(_ watch: AlarmWatch, _ report: (Int) -> EvaluationReport) -> [String] {
        var watch = watch
        return [100, 200, 300].flatMap { step in
            watch.see(AlarmWatch.Evaluation(report(step)))
            return watch.take().map { "\($0.kind) since \($0.since) at \(step)" }
        }
    }

    @Test("A run that learns gives none") func silence() {
        #expect(kinds(watch()) { report($0) }.isEmpty)
        var watch = watch()
        for step in 1...1000 {
            let loss = 6 - 3 * Double(step) / 1000 + (step % 2 == 0 ? 0.8 : -0.8)
            let layers =
                step % 100 == 0 ? [LayerGradients(network: .discriminator, rootMeanSquares: [1, 0.1, 20])] : nil
            watch.see(record(loss), step: step, layers: layers)
        }
        #expect(watch.take().isEmpty)
    }

    @Test("A generator on the unigram plateau, said once, when it has lasted") func plateau() {
        #expect(kinds(watch()) { report($0, generator: 5.9) } == ["unigram_plateau since 100 at 200"])
        #expect(kinds(watch()) { report($0, generator: $0 == 200 ? 4.5 : 5.9) }.isEmpty)
        // Of what it is to predict, 15 % shows, which a generator learns to repeat without a look at what is around it.
        #expect(kinds(watch()) { report($0, generator: 5.1) } == ["unigram_plateau since 100 at 200"])
        #expect(kinds(watch { $0.objective.maskTokenFraction = 1 }) { report($0, generator: 5.1) }.isEmpty)
        // Before warmup is over, nothing is said.
        #expect(kinds(watch { $0.optimizer.warmupSteps = 250 }) { report($0, generator: 5.9) }.isEmpty)
    }

    @Test("The encoder's own masked loss counts where it alone predicts masked text") func maskedLanguageModel() {
        func watch(_ name: ObjectiveName) -> AlarmWatch { self.watch { $0.objective.name = name } }
        let expected = ["unigram_plateau since 100 at 200"]
        #expect(
            kinds(watch(.maskedLanguageModel)) { report($0, generator: nil, corrective: 6, area: nil) } == expected)
        #expect(kinds(watch(.metro)) { report($0, corrective: 6) }.isEmpty)
        #expect(kinds(watch(.allTokensMLM)) { report($0, corrective: 6, area: nil) }.isEmpty)
    }

    @Test("Worse than frequencies: a rate that is too low") func tooLow() {
        #expect(kinds(watch()) { report($0, generator: 6.5) } == ["learning_rate_too_low since 100 at 200"])
    }

    @Test("A detector at chance; a generator that leaves nothing to detect, early in the run") func detection() {
        #expect(kinds(watch()) { report($0, area: 0.51) } == ["majority_class since 100 at 200"])
        #expect(kinds(watch()) { report($0, sampled: 0.8) } == ["few_replacements since 100 at 200"])
        #expect(kinds(watch { $0.training.steps = 350 }) { report($0, sampled: 0.8) }.isEmpty)
    }

    @Test("A loss that rises and stays there") func tooHigh() {
        var watch = watch()
        var found: [RunAlarm] = []
        for step in 1...1000 {
            watch.see(record(step < 400 ? 4 : 5.5), step: step, layers: nil)
            found += watch.take()
        }
        #expect(found.map(\.kind) == ["learning_rate_too_high"])
        #expect(found.allSatisfy { (400..<450).contains($0.since) && $0.message.contains("4.00") })
        // A spike that passes is none.
        var other = self.watch()
        for step in 1...1000 { other.see(record((400..<410).contains(step) ? 9 : 4), step: step, layers: nil) }
        #expect(other.take().isEmpty)
        // Where more is masked as time goes on, losses rise by themselves.
        var masking = self.watch { ($0.objective.maskFraction, $0.objective.finalMaskFraction) = (0.1, 0.5) }
        for step in 1...1000 { masking.see(record(step < 400 ? 4 : 5.5), step: step, layers: nil) }
        #expect(masking.take().isEmpty)
    }

    @Test("A run that was thrown back during warmup is told to learn more slowly, not faster") func thrownBack() {
        var watch = watch { $0.optimizer.warmupSteps = 200 }
        var found: [RunAlarm] = []
        for step in 1...1000 {
            watch.see(record(step < 150 ? 4.5 : 6), step: step, layers: nil)
            if step % 50 == 0 { watch.see(AlarmWatch.Evaluation(report(step, generator: 6))) }
            found += watch.take()
        }
        #expect(found.map(\.kind).sorted() == ["learning_rate_too_high", "unigram_plateau"])
        for alarm in found {
            #expect(alarm.message.contains("half of optimizer.peak_learning_rate"), "\(alarm.message)")
        }
    }

    @Test("A detector at chance beside a generator that learns is not told to slow down") func detectorAlone() {
        var watch = watch()
        var found: [RunAlarm] = []
        for step in 1...300 {
            watch.see(record(6.5 - 3 * Double(step) / 300), step: step, layers: nil)
            if step % 100 == 0 { watch.see(AlarmWatch.Evaluation(report(step, area: 0.51))) }
            found += watch.take()
        }
        #expect(found.map(\.kind) == ["majority_class"])
        #expect(found[0].message.contains("try a higher optimizer.peak_learning_rate"))
    }

    @Test("Advice names the rates that move the network, and nothing that the run has already") func advice() {
        var watch = watch {
            $0.optimizer.kind = .muon
            $0.optimizer.separate = true
            $0.optimizer.generator.peakLearningRate = 3e-4
            $0.parametrization.embeddingLearningRateMultiplier = 5
        }
        var found: [RunAlarm] = []
        for step in [100, 200] {
            watch.see(AlarmWatch.Evaluation(report(step, generator: 5.95)))
            found += watch.take()
        }
        let message = found.first?.message ?? ""
        #expect(
            message.contains(
                "a higher optimizer.muon.peak_learning_rate (0.02) and optimizer.generator.peak_learning_rate"))
        #expect(!message.contains("optimizer.kind") && !message.contains("multiplier"))
    }

    @Test("A detector or a generator whose loss weighs nothing raises none") func weightless() {
        #expect(kinds(watch { $0.objective.discriminatorWeight = 0 }) { report($0, area: 0.5) }.isEmpty)
        #expect(kinds(watch { $0.objective.generatorWeight = 0 }) { report($0, generator: 5.95) }.isEmpty)
    }

    @Test("Layers whose gradients vanish or explode, by name") func layers() {
        func alarms(_ values: [Double]) -> [RunAlarm] {
            var watch = watch()
            for step in [100, 200] {
                let networks = [
                    LayerGradients(network: .generator, rootMeanSquares: [0, 0]),
                    LayerGradients(network: .discriminator, rootMeanSquares: values),
                ]
                watch.see(record(3), step: step, layers: networks)
            }
            return watch.take()
        }
        #expect(alarms([1, 0.01, 2]).isEmpty)
        let vanishing = alarms([1e-5, 1, 2])
        #expect(vanishing.map(\.kind) == ["vanishing_layers"])
        #expect(vanishing.allSatisfy { $0.message.contains("layer 0 of the discriminator") && $0.since == 100 })
        let exploding = alarms([1, 1, 5e4])
        #expect(exploding.map(\.kind) == ["exploding_layers"])
        #expect(exploding.allSatisfy { $0.message.contains("layer 2 of the discriminator") })
    }

    @Test("What was said before an interruption is not said again") func remembered() {
        var watch = watch()
        watch.remember([RunAlarm(kind: "unigram_plateau", since: 10, message: "")])
        #expect(kinds(watch) { report($0, generator: 5.9) }.isEmpty)
        #expect(!kinds(watch) { report($0, generator: 6.5) }.isEmpty)
    }

    @Test("A run that is made longer is not told that its loss rises") func lengthened() {
        var watch = watch()
        for step in 1...1000 { watch.see(record(5), step: step, layers: nil) }
        var configuration = RunConfiguration.ofAlarms
        configuration.training.steps = 200_000
        var longer = AlarmWatch(configuration, vocabularySize: 1000, state: watch.state)
        for step in 1001...20_000 { longer.see(record(5), step: step, layers: nil) }
        #expect(longer.take().isEmpty)
    }

    @Test("A run that is resumed anywhere gives the alarms of one that is not") func resumed() throws {
        func alarms(interruptedAfter stop: Int?) throws -> [String] {
            var watch = watch()
            var found: [String] = []
            for step in 1...400 {
                watch.see(record(step < 150 ? 4 : 5.5), step: step, layers: nil)
                found += watch.take().map { "\($0.kind) \($0.since) \(step)" }
                if step == stop {
                    // The checkpoint, before the evaluation; a new process reads both.
                    let state = try JSONDecoder().decode(AlarmState.self, from: JSONEncoder().encode(watch.state))
                    #expect(state == watch.state)
                    var other = AlarmWatch(RunConfiguration.ofAlarms, vocabularySize: 1000, state: state)
                    if step % 50 == 0 {
                        other.see(.init(report(step, generator: 5.9)))
                        found += other.take().map { "\($0.kind) \($0.since) \(step)" }
                    }
                    watch = other
                } else if step % 50 == 0 {
                    watch.see(.init(report(step, generator: 5.9)))
                    found += watch.take().map { "\($0.kind) \($0.since) \(step)" }
                }
            }
            return found
        }
        let expected = try alarms(interruptedAfter: nil)
        #expect(expected.count == 2)
        for stop in [60, 100, 130, 150, 160, 190, 230, 300] {
            #expect(try alarms(interruptedAfter: stop) == expected, "\(stop)")
        }
    }
}

extension RunConfiguration {
    fileprivate static var ofAlarms: RunConfiguration {
        var configuration = RunConfiguration()
        configuration.training.steps = 1000
        configuration.optimizer.warmupSteps = 50
        return configuration
    }
}
