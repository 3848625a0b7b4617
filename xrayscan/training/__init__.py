"""From a labelled folder to a model folder. The only room that imports TensorFlow and Keras."""
