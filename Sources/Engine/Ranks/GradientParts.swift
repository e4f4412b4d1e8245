import Encoder
import Optimization

/// Pieces of the gradients in the order in which backward passes are done with them: layer after layer, and then all else.
///
/// A part can be exchanged while the backward pass goes on below it.
struct GradientParts {
    /// Pieces of each part.
    let pieces: [[Int]]
    /// The part of a layer of a network; parts that are missing are done with the lane.
    private let layers: [Key: Int]

    private struct Key: Hashable {
        let network: NetworkKind
        let layer: Int
    }

    /// - Parameters:
    ///   - some: pieces that have gradients.
    ///   - isDoneByLayer: whether a backward pass is done with a layer when it has passed it.
    init(_ all: GradientPieces, _ some: [Int], _ layout: ParameterLayout, isDoneByLayer: Bool) {
        var keys: [Key] = []
        var parts: [Key: [Int]] = [:]
        var rest: [Int] = []
        // What each tensor belongs to; nil for what is no layer's.
        let tensors = layout.specs.map { spec -> (place: Range<Int>, key: Key?) in
            (spec.offset..<spec.offset + spec.count, Self.key(spec.name))
        }.sorted { $0.place.lowerBound < $1.place.lowerBound }
        var next = 0
        for piece in some.sorted() {
            let place = all.places[piece]
            while next < tensors.count, tensors[next].place.upperBound <= place.lowerBound { next += 1 }
            var found: Set<Key?> = []
            var index = next
            while index < tensors.count, tensors[index].place.lowerBound < place.upperBound {
                found.insert(tensors[index].key)
                index += 1
            }
            // A piece of two layers is done with the lower one; who would know: with the lane.
            if isDoneByLayer, found.count == 1, let key = found.first ?? nil {
                if parts[key] == nil { keys.append(key) }
                parts[key, default: []].append(piece)
            } else {
                rest.append(piece)
            }
        }
        // The generator is done before the other network begins; layers from the last to the first.
        keys.sort { a, b in
            a.network != b.network ? a.network == .generator : a.layer > b.layer
        }
        pieces = keys.map { parts[$0]! } + (rest.isEmpty ? [] : [rest])
        layers = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, $0) })
    }

    private static func key(_ name: String) -> Key? {
        let words = name.split(separator: ".")
        guard words.count > 3, words[1] == "layers", let layer = Int(words[2]),
            let network = NetworkKind(rawValue: String(words[0]))
        else { return nil }
        return Key(network: network, layer: layer)
    }

    func part(_ network: NetworkKind, layer: Int) -> Int? { layers[Key(network: network, layer: layer)] }
}
