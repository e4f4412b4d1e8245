import ArgumentParser
import Foundation
import Tokenization

/// `pretrain tokenizer`: training, encoding and decoding.
struct TokenizerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Trains a byte-level BPE tokenizer, encodes text and decodes ids.",
        subcommands: [TokenizerTrainCommand.self, TokenizerEncodeCommand.self, TokenizerDecodeCommand.self])
}
