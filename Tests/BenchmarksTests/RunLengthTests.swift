import Benchmarks
import Checkpoints
import Configuration
import Pretraining
import Runs
import TestModels
import TestSupport
import Testing

/// Lengths that are told in hours.
struct RunLengthTests {
    private func inStages(_ steps: Int) -> RunConfiguration {
        SmallModel.configuration {
            $0.training.hours = 0.001
            // Of the preset, and shorter than the stage: hours replace them.
            $0.training.steps = 1
            var stage = TrainingStage()
            (stage.steps, stage.batchSize) = (steps, 1)
            $0.training.stages = [stage]
        }
    }

    @Test func stagesKeepTheirStepsAndTheRestHasTheTimeThatTheyLeave() throws {
        let requested = inStages(2)
        try requested.validate()
        let measured = try RunLength.measured(requested, hours: 0.001, threads: 1)
        #expect(measured.configuration.training.hours == nil)
        #expect(measured.configuration.training.stages == requested.training.stages)
        #expect(measured.configuration.training.steps > 2)
        #expect(measured.note?.contains("after the stages'") == true)
    }

    @Test func aCheckpointThatCannotBeReadIsNotMeasuredOver() throws {
        let folder = try TemporaryFolder()
        let run = RunDirectory(path: folder("run"))
        let name = run.checkpoints.path(ofStep: 5).dropFirst(folder.path.count + 1)
        try folder.write("{}", to: "\(name)/manifest.json")
        let requested = inStages(2)
        #expect(throws: CheckpointError.self) {
            _ = try RunLength.resolve(requested, output: run, resume: .automatic, threads: 1)
        }
        #expect(throws: CheckpointError.self) {
            _ = try RunLength.resolve(
                requested, output: RunDirectory(path: folder("other")),
                resume: .checkpoint(path: run.checkpoints.path(ofStep: 5)), threads: 1)
        }
    }

    @Test func stagesThatTakeAllOfTheTimeAreRefused() {
        let error = #expect(throws: InvalidSetting.self) {
            try RunLength.measured(inStages(1 << 40), hours: 0.001, threads: 1)
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains("training.stages"))
    }
}
