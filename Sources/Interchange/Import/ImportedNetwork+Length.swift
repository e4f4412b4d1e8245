import Files
import Foundation

extension ImportedNetwork {
    /// Tokens of the longest sequences that the weights have been trained on, where this program wrote the folder and says so in its
    /// tokenizer's settings. Of other folders these say how long texts may be, which need not be how long they were.
    var trainedLength: Int? {
        func contents(_ name: String) -> Data? {
            try? FileDescriptor.contents(of: (folder as NSString).appendingPathComponent(name), limit: 64 << 20)
        }
        guard let card = contents(ModelCard.fileName).map({ String(decoding: $0, as: UTF8.self) }),
            card.contains(ModelCard.mark) || card.contains(ModelCard.fineTunedMark),
            let data = contents("tokenizer_config.json"),
            let settings = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let length = (settings["model_max_length"] as? NSNumber)?.doubleValue, 3...1e9 ~= length
        else { return nil }
        return Int(length)
    }
}
