import Foundation

extension FineTunedModel {
    /// What its run came to, if it was judged and this is the epoch that was kept.
    public var result: FineTuningRun.Result? {
        // In the run's folder, in which the folder of its checkpoints lies.
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().deletingLastPathComponent()
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("result.json")) else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let found = try? decoder.decode(FineTuningRun.Result.self, from: data)
        return found?.bestStep == step ? found : nil
    }

    /// Whether it may say of a question that it has no answer.
    public var mayDecline: Bool { configuration.task.kind == .span && labels.contains(SpanTask.unanswered) }
}
