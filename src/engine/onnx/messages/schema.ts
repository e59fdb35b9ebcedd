import protobuf from 'protobufjs'

// The part of the ONNX file format (onnx.proto, IR 8) that Cuvette reads and writes. Field numbers are the format's.

const text = `
syntax = "proto2";

message Model {
  optional int64 ir_version = 1;
  optional string producer_name = 2;
  optional string producer_version = 3;
  optional Graph graph = 7;
  repeated OperatorSet opset_import = 8;
  repeated Property metadata_props = 14;
  repeated Function functions = 25;
}
message OperatorSet { optional string domain = 1; optional int64 version = 2; }
message Property { optional string key = 1; optional string value = 2; }
message Graph {
  repeated Node node = 1;
  optional string name = 2;
  repeated Tensor initializer = 5;
  repeated ValueInfo input = 11;
  repeated ValueInfo output = 12;
  repeated ValueInfo value_info = 13;
  repeated SparseTensor sparse_initializer = 15;
}
message SparseTensor { optional Tensor values = 1; }
message Node {
  repeated string input = 1;
  repeated string output = 2;
  optional string name = 3;
  optional string op_type = 4;
  repeated Attribute attribute = 5;
  optional string domain = 7;
}
message Attribute {
  optional string name = 1;
  optional float f = 2;
  optional int64 i = 3;
  optional bytes s = 4;
  optional Tensor t = 5;
  optional Graph g = 6;
  repeated float floats = 7;
  repeated int64 ints = 8;
  optional int32 type = 20;
  optional string ref_attr_name = 21;
}
message Tensor {
  repeated int64 dims = 1;
  optional int32 data_type = 2;
  repeated float float_data = 4 [packed = true];
  repeated int32 int32_data = 5 [packed = true];
  repeated int64 int64_data = 7 [packed = true];
  optional string name = 8;
  optional bytes raw_data = 9;
  repeated double double_data = 10 [packed = true];
  repeated Property external_data = 13;
  optional int32 data_location = 14;
}
message ValueInfo { optional string name = 1; optional Type type = 2; }
message Type { optional TensorType tensor_type = 1; optional SequenceType sequence_type = 4; }
message TensorType { optional int32 elem_type = 1; optional Shape shape = 2; }
message SequenceType { optional Type elem_type = 1; }
message Shape { repeated Dimension dim = 1; }
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
message Function {
  optional string name = 1;
  repeated string input = 4;
  repeated string output = 5;
  repeated string attribute = 6;
  repeated Node node = 7;
  repeated OperatorSet opset_import = 9;
  optional string domain = 10;
}
`

/** An integer as the decoder gives it: a number when small, else an object whose text is the number. */
export type Integer = number | { toString(): string }

export interface ModelMessage {
  ir_version?: Integer
  producer_name?: string
  producer_version?: string
  graph?: GraphMessage
  opset_import?: { domain?: string; version?: Integer }[]
  metadata_props?: { key?: string; value?: string }[]
  functions?: FunctionMessage[]
}
export interface GraphMessage {
  node?: NodeMessage[]
  name?: string
  initializer?: TensorMessage[]
  input?: ValueInfoMessage[]
  output?: ValueInfoMessage[]
  value_info?: ValueInfoMessage[]
  sparse_initializer?: unknown[]
}
export interface NodeMessage {
  input?: string[]
  output?: string[]
  name?: string
  op_type?: string
  attribute?: AttributeMessage[]
  domain?: string
}
export interface AttributeMessage {
  name?: string
  f?: number
  i?: Integer
  s?: Uint8Array
  t?: TensorMessage
  g?: GraphMessage
  floats?: number[]
  ints?: Integer[]
  type?: number
  ref_attr_name?: string
}
export interface TensorMessage {
  dims?: Integer[]
  data_type?: number
  float_data?: number[]
  int32_data?: number[]
  int64_data?: Integer[]
  name?: string
  raw_data?: Uint8Array
  double_data?: number[]
  external_data?: unknown[]
  data_location?: number
}
export interface ValueInfoMessage {
  name?: string
  type?: TypeMessage
}
export interface TypeMessage {
  tensor_type?: { elem_type?: number; shape?: { dim?: { dim_value?: Integer; dim_param?: string }[] } }
  sequence_type?: { elem_type?: TypeMessage }
}
export interface FunctionMessage {
  name?: string
  input?: string[]
  output?: string[]
  attribute?: string[]
  node?: NodeMessage[]
  opset_import?: { domain?: string; version?: Integer }[]
  domain?: string
}

const model = protobuf.parse(text, { keepCase: true }).root.lookupType('Model')

/** Bytes of an .onnx file. The same message gives the same bytes. */
export function encodeModelMessage(message: ModelMessage): Uint8Array {
  return Uint8Array.from(model.encode(message).finish())
}

/**
 * Reads an .onnx file. Throws whatever the decoder throws on damaged bytes. Fields that we do not know are kept, so that
 * encoding the message again loses nothing.
 */
export function decodeModelMessage(bytes: Uint8Array): ModelMessage {
  const reader = protobuf.Reader.create(bytes)
  reader.discardUnknown = false
  return model.decode(reader) as unknown as ModelMessage
}
