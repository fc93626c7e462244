"""Old programs, as one finds them: material for migrations, not to be imported."""

READER_2016 = """\
import numpy as np
import tensorflow as tf
from tensorflow.contrib.layers import flatten

data = np.load("digits.npz")
x = tf.placeholder(tf.float32, [None, 8, 8])
y = tf.placeholder(tf.int64, [None])
keep_prob = tf.placeholder_with_default(1.0, [])
with tf.variable_scope("reader"):
    w = tf.get_variable("w", [64, 5], initializer=tf.zeros_initializer())
    b = tf.get_variable("b", [5], initializer=tf.zeros_initializer())
scores = tf.matmul(tf.nn.dropout(flatten(x), keep_prob), w) + b
loss = tf.losses.sparse_softmax_cross_entropy(y, scores)
train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
right = tf.equal(tf.argmax(scores, dimension=1), y)

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(100):
        session.run(train, {x: data["x"], y: data["y"]})
    share = tf.reduce_mean(tf.to_float(right), keep_dims=False)
    print(session.run(share, {x: data["x"], y: data["y"]}))
    tf.train.Saver().save(session, "./reader")
"""
"""A reader of digits for TensorFlow 1, written for this course in the manner of 2016.

Beside it lies ``digits.npz`` with ``x``, float32 of shape (n, 8, 8), and ``y``, int64
labels 0–4. It prints the share that it reads right, and writes a v1 checkpoint.
"""
