import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite struct NonFiniteTests {
    /// Sets values of one tensor of the newest checkpoint and publishes it again, sound but poisoned.
    private func poison(
        _ workspace: Workspace, _ output: String, tensor: String, rows: Range<Int>? = nil, value: Float = .nan,
        in group: String = TensorGroup.weights
    ) throws {
        let step = try #require(workspace.steps(output).max())
        try workspace.rewrite(output, step: step) { name, view in
            guard name == group, view.name == tensor else { return }
            let width = view.shape.dropFirst().reduce(1, *)
            for row in rows ?? 0..<view.shape[0] {
                for column in 0..<width { view.elements[row * width + column] = value }
            }
        }
    }

    @Test func nonFiniteWeightsStopTheRunBeforeTheUpdate() throws {
        let workspace = try Workspace()
        let constant = ["optimizer.schedule=constant"]
        try workspace.run("run", constant)
        try workspace.folder.copy("run", to: "sound")
        try poison(workspace, "run", tensor: "discriminator.layers.1.attention.output.weight")
        let poisoned = try workspace.record("run")
        let outcome = try workspace.run("run", constant + ["training.steps=30"], expecting: 1)
        #expect(
            outcome.errors.contains(
                "the weight discriminator.layers.1.attention.output.weight, element 0, is not finite at step 21"),
            "\(outcome.errors)")
        #expect(workspace.steps("run") == [10, 15, 20])
        #expect(try workspace.record("run").weights == poisoned.weights)
        #expect(try workspace.pretrain("checkpoint", "verify", "run").status == 0)
        // No other batch would do better.
        let skipping = try workspace.run(
            "run", constant + ["training.steps=30", "training.maximum_skipped_steps=3"], expecting: 1)
        #expect(!skipping.errors.contains("skipped") && skipping.errors.contains("at step 21"))
        // Where weights are finite, skipping is limited to steps in a row.
        try workspace.folder.copy("sound", to: "large")
        try poison(workspace, "large", tensor: "discriminator.layers.1.attention.output.weight", value: 3e38)
        let large = try workspace.run(
            "large", constant + ["training.steps=30", "training.maximum_skipped_steps=3"], expecting: 1)
        #expect(large.errors.contains("step 23 skipped") && large.errors.contains("at step 24"), "\(large.errors)")
        // Whatever restarts it does not skip on.
        let restarted = try workspace.run(
            "large", constant + ["training.steps=30", "training.maximum_skipped_steps=3"], expecting: 1)
        #expect(
            restarted.errors.contains("at step 24") && !restarted.errors.contains("skipped:"), "\(restarted.errors)")
        // The one before is good, and the run can go on from there.
        try workspace.run("run", constant + ["training.steps=30"], ["--resume", workspace.checkpoint("run", 15)])
        try workspace.run("sound", constant + ["training.steps=30"])
        try workspace.record("run").expectEqual(try workspace.record("sound"))
    }

    @Test func rareSpikesAreSkippedAndCounted() throws {
        let workspace = try Workspace()
        // Only a long document reaches the last positions.
        var documents = SyntheticText.documents(150, seed: 11, sentences: 1...1).map { String($0.prefix(30)) }
        documents.insert(contentsOf: SyntheticText.documents(3, seed: 12, sentences: 9...9), at: 50)
        try workspace.folder.write(documents.joined(separator: "\n\n"), to: "rare.txt")
        let settings = [
            "corpus.sources=[{path: rare.txt}]", "corpus.held_out=0", "model.positions=learned",
            "training.batch_size=2", "training.lanes=2", "optimizer.schedule=constant", "training.evaluate_every=0",
        ]
        try workspace.run("run", settings)
        // Finite, as a weight that is not would never be saved, and so large that the norm's sum is not.
        try poison(workspace, "run", tensor: "embeddings.position", rows: 31..<32, value: 3e38)
        let longer = settings + ["training.steps=120"]
        let stopped = try workspace.run("run", longer, expecting: 1)
        #expect(stopped.errors.contains("is not finite at step"), "\(stopped.errors)")
        let outcome = try workspace.run("run", longer + ["training.maximum_skipped_steps=20"])
        let skipped = outcome.errors.split(separator: "\n").count { $0.contains(" skipped: ") }
        #expect(skipped > 0)
        let reader = try CheckpointReader(path: "\(workspace.path)/\(workspace.checkpoint("run", 120))")
        let state = try JSONSerialization.jsonObject(with: Data(try reader.document("state.json")))
        #expect((state as? [String: Any])?["skippedSteps"] as? Int == skipped, "\(state)")
        // Steps that were made left finite weights and records.
        #expect(try workspace.record("run").metrics.count >= 120 - skipped)
    }

    @Test("A moment that is infinite is named and not saved", arguments: ["first_moments", "second_moments"])
    func ruinedMoments(_ group: String) throws {
        let workspace = try Workspace()
        try workspace.run("run")
        try poison(
            workspace, "run", tensor: "discriminator.layers.1.feed_forward.input.bias", rows: 3..<4, value: .infinity,
            in: group)
        let outcome = try workspace.run("run", ["training.steps=30"], expecting: 1)
        #expect(
            outcome.errors.contains("discriminator.layers.1.feed_forward.input.bias, element 3, is not finite"),
            "\(outcome.errors)")
        #expect(workspace.steps("run").max() == 20)
    }

    @Test("Steps far out are left out and counted, the same after an interruption and on several threads")
    func spikesAreLeftOut() throws {
        let workspace = try Workspace()
        let settings = try rareSpikes(workspace)
        // Set from the beginning, as it is part of the run.
        try workspace.run("whole", settings + ["training.spike_deviations=6"])
        try poison(workspace, "whole", tensor: "embeddings.position", rows: 30..<32, value: 1e4)
        try workspace.folder.copy("whole", to: "pieces")
        let longer = settings + ["training.spike_deviations=6", "training.steps=300"]
        let outcome = try workspace.run("whole", longer)
        let skipped = outcome.errors.split(separator: "\n").filter { $0.contains(" skipped: its ") }
        #expect(!skipped.isEmpty && skipped.count < 100, "\(outcome.errors)")
        let child = try workspace.start("pieces", longer)
        try child.waitUntil { (workspace.steps("pieces").max() ?? 0) >= 150 }
        child.send(SIGTERM)
        _ = try child.wait()
        try workspace.run("pieces", longer, threads: 1)
        try workspace.record("pieces").expectEqual(try workspace.record("whole"))
        let reader = try CheckpointReader(path: "\(workspace.path)/\(workspace.checkpoint("whole", 300))")
        let state = try JSONSerialization.jsonObject(with: Data(try reader.document("state.json")))
        #expect((state as? [String: Any])?["skippedSteps"] as? Int == skipped.count, "\(state)")
    }

    @Test("A step far out brings the last checkpoint back, the same after interruptions and on several threads")
    func spikesAreUndone() throws {
        let workspace = try Workspace()
        let settings = try rareSpikes(workspace) + ["training.spike_deviations=6", "training.spike_action=roll_back"]
        try workspace.run("whole", settings + ["training.checkpoint_every=20"])
        try poison(workspace, "whole", tensor: "embeddings.position", rows: 30..<32, value: 1e4)
        try workspace.folder.copy("whole", to: "pieces")
        let longer =
            settings + ["training.checkpoint_every=20", "training.steps=300", "training.keep_last=1"]
        let outcome = try workspace.run("whole", longer)
        let back = outcome.errors.split(separator: "\n").filter {
            $0.contains("; weights and moments are those after step ")
        }
        let first = try #require(back.first, "\(outcome.errors)")
        let match = try #require(first.firstMatch(of: /step ([0-9]+) skipped: .* those after step ([0-9]+) again/))
        let (spike, step) = (try #require(Int(match.1)), try #require(Int(match.2)))
        #expect(step == (spike - 1) / 20 * 20 && spike > step)
        // Ended between that checkpoint and the step, where it leaves one of its own and keeps the other for that reason alone.
        let stop = (step + spike) / 2
        try workspace.run(
            "pieces", settings + ["training.checkpoint_every=20", "training.keep_last=1", "training.steps=\(stop)"])
        #expect(Set(workspace.steps("pieces")) == [step, stop])
        try workspace.run("pieces", longer, threads: 1)
        try workspace.record("pieces").expectEqual(try workspace.record("whole"))
        let reader = try CheckpointReader(path: "\(workspace.path)/\(workspace.checkpoint("whole", 300))")
        let state = try JSONSerialization.jsonObject(with: Data(try reader.document("state.json"))) as? [String: Any]
        #expect(try #require(state?["skippedSteps"] as? Int) >= spike - step, "\(first)")
        let other = try workspace.run(
            "whole", longer + ["training.checkpoint_every=30", "training.steps=310"], expecting: 1)
        #expect(other.errors.contains("training.checkpoint_every"), "\(other.errors)")
        let alone = try workspace.run("alone", ["training.spike_action=roll_back"], expecting: 1)
        #expect(alone.errors.contains("set training.spike_deviations"), "\(alone.errors)")
    }

    /// Text in which few steps are far out, once the vectors of the last positions have been ruined.
    private func rareSpikes(_ workspace: Workspace) throws -> [String] {
        // Only a long document, of which there are few, reaches them.
        var documents = SyntheticText.documents(400, seed: 11, sentences: 1...1).map { String($0.prefix(30)) }
        for place in [100, 200, 300] {
            documents.insert(contentsOf: SyntheticText.documents(1, seed: 12, sentences: 9...9), at: place)
        }
        try workspace.folder.write(documents.joined(separator: "\n\n"), to: "rare.txt")
        return [
            "corpus.sources=[{path: rare.txt}]", "corpus.held_out=0", "model.positions=learned",
            "training.batch_size=2", "training.lanes=2", "optimizer.schedule=constant", "training.evaluate_every=0",
        ]
    }

    @Test("Weights that a step ruined are neither evaluated nor saved", arguments: [7, 0])
    func ruinedWeights(_ evaluateEvery: Int) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            "run",
            [
                "optimizer.peak_learning_rate=100", "optimizer.weight_decay=10", "optimizer.warmup_steps=0",
                "training.evaluate_every=\(evaluateEvery)", "training.maximum_skipped_steps=1000", "training.steps=40",
            ], expecting: 1)
        #expect(outcome.errors.contains("not finite at step"), "\(outcome.errors)")
        for step in workspace.steps("run") {
            // They may be useless, but they are numbers.
            let evaluation = try workspace.pretrain("evaluate", workspace.checkpoint("run", step))
            #expect(!evaluation.errors.contains("the weight"), "\(evaluation.errors)")
        }
    }
}
