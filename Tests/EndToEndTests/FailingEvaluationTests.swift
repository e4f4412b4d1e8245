import Foundation
import TestSupport
import Testing

/// What goes wrong beside training costs no steps.
@Suite struct FailingEvaluationTests {
    @Test func aCorpusThatIsGoneAtTheEndCostsTheEvaluationAlone() throws {
        let workspace = try Workspace()
        // Small enough to be read before the first step.
        let settings = ["training.steps=150", "training.checkpoint_every=0", "training.evaluate_every=0"]
        let child = try workspace.start("run", settings)
        try child.waitUntil {
            (try? workspace.folder.text("run/metrics.jsonl"))?.split(separator: "\n").count ?? 0 >= 3
        }
        try workspace.folder.move("corpus", to: "gone")
        let outcome = try child.wait()
        #expect(outcome.status == 1 && outcome.errors.contains("part"), "\(outcome.errors)")
        let step = try #require(workspace.steps("run").max())
        #expect(step > 0)
        // With the corpus back, the run ends as if nothing had been.
        try workspace.folder.move("gone", to: "corpus")
        try workspace.run("run", settings)
        try workspace.run("whole", settings)
        try workspace.record("run").expectEqual(try workspace.record("whole"))
    }

    @Test func aDamagedFileThatOnlyTheEvaluationHasReached() throws {
        let workspace = try Workspace()
        try workspace.folder.write("", to: "many/.folder")
        for part in 0..<20 {
            Compressed.gzip(
                SyntheticText.jsonLines(40, seed: UInt64(100 + part)), to: "\(workspace.path)/many/\(part).jsonl.gz")
        }
        let bytes = try workspace.folder.data("many/7.jsonl.gz")
        try workspace.folder.write(bytes.prefix(bytes.count / 2), to: "many/7.jsonl.gz")
        let settings = [
            "corpus.sources=[{path: many}]", "corpus.held_out=0.02", "corpus.shuffle_documents=8",
            "corpus.shuffle_bytes=65536", "corpus.maximum_document_bytes=4096", "corpus.interleave_documents=1",
            "training.steps=40", "training.batch_size=2", "training.checkpoint_every=10", "training.evaluate_every=10",
            "tokenizer.path=tokenizer.json",
        ]
        try workspace.run("before")
        try workspace.folder.copy("before/tokenizer.json", to: "tokenizer.json")
        let outcome = try workspace.run("run", settings, expecting: 1)
        #expect(outcome.errors.contains("7.jsonl.gz"), "\(outcome.errors)")
        // Whatever met the file first, no step is lost.
        #expect(workspace.steps("run").max() ?? 0 >= 10)
    }
}
