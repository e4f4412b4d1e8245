import Formatting

extension NextCommand {
    /// What to do with a run as it stands.
    static func after(
        _ path: String, _ status: RunStatus, _ model: ModelFacts?, isFineTuning: Bool
    ) -> [NextCommand] {
        let run = ShellWord.quoted(path)
        if isFineTuning {
            return [
                NextCommand(command: "pretrain predict \(run) --input new.jsonl", purpose: "label texts"),
                NextCommand(command: "pretrain export \(run) --output classifier", purpose: "for Transformers"),
            ]
        }
        var commands: [(String, String)] = []
        switch status.state {
        case .running: commands.append(("pretrain watch \(run)", "follow it in a browser"))
        case .stopped, .interrupted, .failed, .empty:
            commands.append(("pretrain run --output \(run)", "go on from the newest checkpoint"))
        case .finished, .abandoned: break
        }
        commands += [
            ("pretrain evaluate \(run)", "figures on held-out text"),
            (
                "pretrain analyze \(run) --output \(ShellWord.quoted(path + "/analysis"))",
                "what each layer does; this report shows it"
            ),
            ("pretrain plot \(run)", "curves as a figure"),
        ]
        if model?.detects == true {
            commands.append(("pretrain detect \(run) < text.txt", "what looks replaced in a text"))
        }
        commands += [
            ("pretrain finetune \(run) --train train.jsonl --validation dev.jsonl --output tuned", "on labelled texts"),
            ("pretrain export \(run) --output hf", "for Transformers"),
        ]
        return commands.map { NextCommand(command: $0.0, purpose: $0.1) }
    }
}
