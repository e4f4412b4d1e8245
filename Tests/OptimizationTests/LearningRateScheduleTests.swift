import Foundation
import Optimization
import Testing

@Suite("Learning-rate schedules")
struct LearningRateScheduleTests {
    private func schedule(
        _ kind: ScheduleKind, warmup: Int = 10, steps: Int = 110, floor: Double = 0, decay: Int? = nil
    ) -> LearningRateSchedule {
        var configuration = OptimizerConfiguration()
        configuration.schedule = kind
        configuration.warmupSteps = warmup
        configuration.peakLearningRate = 2
        configuration.finalLearningRateFraction = floor
        configuration.decaySteps = decay
        return LearningRateSchedule(configuration, totalSteps: steps)
    }

    @Test("Warmup rises in a straight line to the peak", arguments: ScheduleKind.allCases)
    func warmup(kind: ScheduleKind) {
        let schedule = schedule(kind)
        for step in 1...10 { #expect(abs(schedule.factor(step: step) - Double(step) / 10) < 1e-15) }
        #expect(schedule.learningRate(step: 5) == 1 && schedule.learningRate(step: 10) == 2)
    }

    @Test("Decay by each rule")
    func decay() {
        // From the peak at step 10 to nothing at step 110, which is the first that is not made.
        let linear = schedule(.linear, steps: 109)
        #expect(linear.factor(step: 60) == 0.5 && linear.factor(step: 109) == 0.01 && linear.factor(step: 110) == 0)
        let cosine = schedule(.cosine, steps: 109)
        #expect(abs(cosine.factor(step: 60) - 0.5) < 1e-15 && abs(cosine.factor(step: 110)) < 1e-15)
        #expect(abs(cosine.factor(step: 35) - 0.5 * (1 + cos(Double.pi / 4))) < 1e-15)
        let constant = schedule(.constant, floor: 0.5)
        #expect((10...110).allSatisfy { constant.factor(step: $0) == 1 })
        let wsd = schedule(.wsd, steps: 109, decay: 19)
        #expect((10...90).allSatisfy { wsd.factor(step: $0) == 1 })
        #expect(wsd.factor(step: 100) == 0.5 && wsd.factor(step: 110) == 0)
        #expect(schedule(.wsd).factor(step: 99) == 1, "a tenth of the steps by default: 11")
        #expect(schedule(.wsd).factor(step: 100) < 1)
    }

    @Test(
        "The final fraction comes right after the last step", arguments: [ScheduleKind.linear, .cosine, .wsd],
        [0, 0.1, 1])
    func floor(kind: ScheduleKind, fraction: Double) {
        let schedule = schedule(kind, floor: fraction)
        #expect(fraction == 1 || schedule.factor(step: 110) > fraction)
        #expect(abs(schedule.factor(step: 111) - fraction) < 1e-15)
        #expect(abs(schedule.factor(step: .max) - fraction) < 1e-15)
    }

    @Test("Within [floor, 1], falling after warmup, at any lengths", arguments: ScheduleKind.allCases)
    func bounded(kind: ScheduleKind) {
        for warmup in [0, 1, 7, 20, 21, 1000] {
            for decay in [nil, 1, 5, 20, 1000] {
                let schedule = schedule(kind, warmup: warmup, steps: 20, floor: 0.05, decay: decay)
                var previous = 1.0
                for step in 1...25 {
                    let factor = schedule.factor(step: step)
                    #expect(factor > 0 && factor <= 1)
                    if step < warmup {
                        #expect(factor == Double(step) / Double(warmup))
                    } else {
                        #expect(factor >= 0.05 - 1e-15 && factor <= previous + 1e-15)
                        previous = factor
                    }
                }
            }
        }
    }

    @Test("Every step changes something: the rate is above 0 to the last", arguments: ScheduleKind.allCases)
    func aboveZero(kind: ScheduleKind) {
        for (warmup, steps) in [(0, 1), (1, 1), (0, 2), (10, 10), (10, 11), (10_000, 1_000_000)] {
            let last = schedule(kind, warmup: warmup, steps: steps)
            #expect(last.factor(step: steps) > 0, "warmup \(warmup), \(steps) steps")
        }
    }

    /// `optimization.py` in github.com/google-research/electra counts from 0 and makes nothing of its first update: that
    /// update is left out here, so that `steps` of ours are updates 1 … `steps` of `steps + 1` there.
    @Test(
        "with_warmup is ELECTRA's product of warmup and decay", arguments: [(10, 109), (10_000, 1_000_000), (50, 20)])
    func product(warmup: Int, steps: Int) {
        var configuration = OptimizerConfiguration()
        configuration.warmupSteps = warmup
        configuration.decayStart = .withWarmup
        let schedule = LearningRateSchedule(configuration, totalSteps: steps)
        let steady = Array(stride(from: 1, through: steps, by: max(1, steps / 97)))
        for step in Array(1...25) + steady + [warmup, steps] where step <= steps {
            let released = min(1, Double(step) / Double(warmup)) * (1 - Double(step) / Double(steps + 1))
            #expect(abs(schedule.factor(step: step) - released) < 1e-12, "step \(step)")
        }
        #expect(schedule.factor(step: steps) > 0 && schedule.factor(step: steps + 1) == 0)
    }

    @Test("A decay from the first step is for schedules that have one")
    func decayStart() {
        for schedule in ScheduleKind.allCases {
            var configuration = OptimizerConfiguration()
            configuration.schedule = schedule
            configuration.decayStart = .withWarmup
            let isRefused = schedule == .wsd || schedule == .constant
            #expect(((try? configuration.validate()) == nil) == isRefused)
        }
    }

    @Test("No warmup starts near the peak; a single step is a step")
    func short() {
        #expect(schedule(.constant, warmup: 0, steps: 1).factor(step: 1) == 1)
        #expect(schedule(.linear, warmup: 0, steps: 99).factor(step: 1) == 0.99)
        #expect(schedule(.linear, warmup: 0, steps: 0).factor(step: 1) == 0)
        #expect(schedule(.wsd, warmup: 0, steps: 1_000_000_000_000).factor(step: 5) == 1)
    }
}
