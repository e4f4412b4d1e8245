import Checkpoints
import Foundation
import TestSupport
import Testing

/// A run of 20 steps, then its corpus changes, then it is to go on.
@Suite struct CorpusChangeTests {
    let workspace: Workspace
    private let longer = ["training.steps=30"]

    init() throws {
        workspace = try Workspace()
        try workspace.run("run")
    }

    private func expectRefusal(naming file: String) throws {
        let before = workspace.steps("run")
        let outcome = try workspace.run("run", longer, expecting: 1)
        #expect(outcome.errors.contains("the corpus has changed"))
        #expect(outcome.errors.contains(file), "\(outcome.errors)")
        #expect(workspace.steps("run") == before)
    }

    @Test func changedContentIsRefused() throws {
        // Of the same length: only the content tells.
        let text = try workspace.folder.text("corpus/part1.txt")
        try workspace.folder.write(text.replacingOccurrences(of: "fog", with: "sun"), to: "corpus/part1.txt")
        try expectRefusal(naming: "corpus/part1.txt")
    }

    @Test func grownShrunkAddedAndRemovedFilesAreRefused() throws {
        let text = try workspace.folder.text("corpus/part1.txt")
        try workspace.folder.write(text + "One more line.\n", to: "corpus/part1.txt")
        try expectRefusal(naming: "corpus/part1.txt")
        try workspace.folder.write(String(text.dropLast(10)), to: "corpus/part1.txt")
        try expectRefusal(naming: "corpus/part1.txt")
        try workspace.folder.write(text, to: "corpus/part1.txt")
        try workspace.folder.write("A stranger.\n", to: "corpus/part9.txt")
        try expectRefusal(naming: "corpus/part9.txt")
        try workspace.folder.remove("corpus/part9.txt")
        try workspace.folder.move("corpus/part2.txt", to: "part2.txt")
        try expectRefusal(naming: "part2.txt")
        // Restored, it goes on.
        try workspace.folder.move("part2.txt", to: "corpus/part2.txt")
        try workspace.run("run", longer)
    }

    @Test func touchingAndMovingChangesNothing() throws {
        try workspace.folder.copy("run", to: "untouched")
        try workspace.run("untouched", longer)

        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)],
            ofItemAtPath: workspace.path + "/corpus/part0.txt")
        try workspace.folder.copy("run", to: "touched")
        try workspace.run("touched", longer)
        try workspace.record("touched").expectEqual(try workspace.record("untouched"))

        // Files are known by their place below the source, so the corpus may lie elsewhere.
        try workspace.folder.move("corpus", to: "elsewhere")
        try workspace.folder.copy("run", to: "moved")
        try workspace.run("moved", longer + ["corpus.sources=[{path: elsewhere}]"])
        try workspace.record("moved").expectEqual(
            try workspace.record("untouched"), ignoring: ["config.yaml.lz4"])
    }

    @Test func anotherCorpusAtAnotherPathIsRefused() throws {
        try workspace.folder.write(SyntheticText.text(50, seed: 99), to: "other/part0.txt")
        let outcome = try workspace.run("run", longer + ["corpus.sources=[{path: other}]"], expecting: 1)
        #expect(outcome.errors.contains("the corpus has changed") && outcome.errors.contains("other/part0.txt"))
    }

    @Test(arguments: [
        "training.batch_size=9", "training.seed=1", "model.dropout=0.2", "optimizer.peak_learning_rate=2e-3",
        "tokenizer.vocabulary_size=300", "corpus.held_out=0.06", "training.lanes=3",
        "corpus.sources=[{path: corpus, weight: 2}]",
    ])
    func settingsThatDecideTheResultAreRefused(_ setting: String) throws {
        let outcome = try workspace.run("run", longer + [setting], expecting: 1)
        #expect(outcome.errors.contains("the configuration differs"))
        #expect(outcome.errors.contains(setting.prefix { $0 != "=" }), "\(outcome.errors)")
    }

    /// A configuration that asked for it would be refused: leaving it out must not be.
    @Test func whatNothingReadsMayGo() throws {
        try workspace.run(
            "unread", ["optimizer.schedule=wsd", "optimizer.decay_steps=7", "optimizer.schedule=constant"])
        #expect(try workspace.folder.text("unread/config.yaml").contains("decay_steps: 7"))
        try workspace.folder.copy("unread", to: "read")
        try workspace.run("unread", longer + ["optimizer.schedule=constant"])
        let read = try workspace.run("read", longer + ["optimizer.schedule=wsd"], expecting: 1)
        #expect(read.errors.contains("optimizer.decay_steps"), "\(read.errors)")
    }

    @Test func anotherTokenizerIsRefused() throws {
        try workspace.folder.copy("run/tokenizer.json", to: "same.json")
        try workspace.run("run", longer + ["tokenizer.path=same.json"])
        let trained = try workspace.pretrain(
            "tokenizer", "train", "--input", "corpus", "--vocabulary-size", "300", "--output", "other.json")
        #expect(trained.status == 0)
        let outcome = try workspace.run("run", ["training.steps=40", "tokenizer.path=other.json"], expecting: 1)
        #expect(outcome.errors.contains("other.json: not the tokenizer that the run started with"))
    }

    @Test func aChangedCorpusCanBeAcceptedDeliberately() throws {
        let text = try workspace.folder.text("corpus/part1.txt")
        try workspace.folder.write(text + "\n\nOne more document that nobody has read.\n", to: "corpus/part1.txt")
        try workspace.folder.write(SyntheticText.text(40, seed: 77), to: "corpus/part9.txt")
        let refused = try workspace.run("run", longer, expecting: 1)
        #expect(refused.errors.contains("--corpus-changed accept"), "\(refused.errors)")
        try workspace.folder.copy("run", to: "twin")
        let accepted = try workspace.run("run", longer, ["--corpus-changed", "accept"])
        #expect(accepted.errors.contains("the corpus has changed"), "\(accepted.errors)")
        #expect(workspace.steps("run").max() == 30)
        // Recorded where the next run and its reader find it, and the same bits for the same change.
        let reader = try CheckpointReader(path: "\(workspace.path)/\(workspace.checkpoint("run", 30))")
        let state = String(decoding: try reader.document("state.json"), as: UTF8.self)
        #expect(state.contains("after step 20:"), "\(state)")
        try workspace.run("twin", longer, ["--corpus-changed", "accept"])
        try workspace.record("run").expectEqual(try workspace.record("twin"))
        // From here on the new files are those of the run.
        try workspace.run("run", ["training.steps=32"])
    }

    @Test func weightsOfARunThatWouldBeResumedAreNotTakenForANewOne() throws {
        let outcome = try workspace.run("run", longer, ["--from", "run"], expecting: 1)
        #expect(outcome.errors.contains("choose") || outcome.errors.contains("Choose"), "\(outcome.errors)")
        #expect(workspace.steps("run").max() == 20)
    }
}
