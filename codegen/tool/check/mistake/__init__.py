"""The mistakes that people make in a gradient, each as a program that can be evaluated."""
