import type { ChannelOptions } from '@grpc/grpc-js';

/** Largest message either side reads or writes: a prompt of 8 million tokens, or everything held back from a slow reader. */
export const messageBytesMax = 64 * 1024 * 1024;

/** What client and server of the contract have in common. */
export const channelOptions = {
  'grpc.max_send_message_length': messageBytesMax,
  'grpc.max_receive_message_length': messageBytesMax,
} as const satisfies ChannelOptions;
