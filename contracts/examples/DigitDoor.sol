// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Caution, Standing} from "../consumers/Answers.sol";
import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {Tensors} from "../consumers/Tensors.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {RequestId} from "../interfaces/Types.sol";

/// @notice A door that names a digit and opens for who draws it, as the model of examples/models/digits sees it. The porch lights up for
/// a provisional answer; the door wants the final one.
/// @dev An example: whoever proposes the block may choose the digit.
contract DigitDoor is InferenceConsumer {
  struct Visit {
    uint8 digit;
    uint64 drawBefore;
    uint64 openUntil;
  }

  struct Drawing {
    address visitor;
    uint8 wanted;
  }

  uint256 public constant DRAW_SECONDS = 10 minutes;
  uint256 public constant OPEN_SECONDS = 1 days;
  uint32 public constant PORCH_SECONDS = 1 minutes;

  mapping(address visitor => Visit) public visitOf;
  mapping(RequestId => Drawing) public drawingOf;
  /// @dev A drawing opens once, or anybody could hand in a copy.
  mapping(bytes32 inputHash => bool) public isUsed;

  error AskedAlready(address visitor, uint8 digit);
  error NothingAsked(address visitor);
  error DrawingUsed(bytes32 inputHash);

  event Asked(address indexed visitor, uint8 digit, uint256 drawBefore);
  event Answered(address indexed visitor, uint256 wanted, uint256 drawn);

  constructor(IInferenceMarket market_, Policy memory policy) InferenceConsumer(market_, policy) {}

  /// @notice Asks the caller for a digit. Nobody gets another while it waits for the first.
  function knock() external {
    Visit storage visit = visitOf[msg.sender];
    if (block.timestamp < visit.drawBefore) revert AskedAlready(msg.sender, visit.digit);
    uint256 draw = uint256(keccak256(abi.encode(block.prevrandao, block.number, msg.sender)));
    (visit.digit, visit.drawBefore) = (uint8(draw % 10), uint64(block.timestamp + DRAW_SECONDS));
    emit Asked(msg.sender, visit.digit, visit.drawBefore);
  }

  /// @notice Hands in a drawing, once a knock. The value sent is the operator's fee.
  /// @param pixels 8 x 8 bytes from 0 (paper) to 16 (ink), row by row.
  function handIn(bytes calldata pixels) external payable returns (RequestId requestId) {
    Visit storage visit = visitOf[msg.sender];
    if (block.timestamp >= visit.drawBefore) revert NothingAsked(msg.sender);
    if (isUsed[keccak256(pixels)]) revert DrawingUsed(keccak256(pixels));
    isUsed[keccak256(pixels)] = true;
    visit.drawBefore = 0;
    (requestId, ) = _request(pixels, msg.value, msg.sender);
    drawingOf[requestId] = Drawing(msg.sender, visit.digit);
  }

  function isOpenFor(address visitor) external view returns (bool) {
    return block.timestamp < visitOf[visitor].openUntil;
  }

  /// @notice Whether the porch lights up for an answer that nobody disputes and that is a minute old, though it may be wrong:
  /// `standing` says until when it may be challenged, and what its operator stands to lose.
  function isPorchLit(
    RequestId requestId,
    address operator_,
    bytes calldata logits
  ) external view returns (bool isLit, Standing memory standing) {
    standing = _requireProvisional(requestId, operator_, logits, Caution(bond, PORCH_SECONDS));
    Drawing memory drawing = drawingOf[requestId];
    isLit = drawing.visitor != address(0) && Tensors.argmaxU8(logits) == drawing.wanted;
  }

  function _onInference(RequestId requestId, uint64, bytes calldata logits) internal override {
    Drawing memory drawing = drawingOf[requestId];
    uint256 drawn = Tensors.argmaxU8(logits);
    if (drawn == drawing.wanted) visitOf[drawing.visitor].openUntil = uint64(block.timestamp + OPEN_SECONDS);
    emit Answered(drawing.visitor, drawing.wanted, drawn);
  }
}
